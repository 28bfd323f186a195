import { failureText } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { ManagementClient } from "../management-client.ts";
import type { Interval } from "./rates.ts";
import { type Reading, readMetrics } from "./reading.ts";

/** How long a server may take to tell its metrics. */
const readMs = 5_000;

/** A server whose metrics are read, with the last two readings. */
export class WatchedServer {
  readonly #client: ManagementClient;
  readonly #now: () => number;
  #before: Reading | undefined;
  #after: Reading | undefined;
  /** Why the last reading failed. */
  failure: unknown;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(client: ManagementClient, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  /** Never rejects: what went wrong is `failure`. */
  async read(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(silent(this.#client.url)), readMs);
    try {
      const reading = await Promise.race([this.#fetch(), late.promise]);
      this.#before = this.#after;
      this.#after = reading;
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
    } finally {
      clearTimeout(timer);
    }
  }

  interval(): Interval {
    const { url } = this.#client;
    const error = this.failure === undefined ? {} : { error: failureText(this.failure) };
    return { url, before: this.#before, after: this.#after, ...error };
  }

  async close(): Promise<void> {
    await this.#client.close?.();
  }

  async #fetch(): Promise<Reading> {
    const response = await this.#client.fetch("GET", "/metrics");
    const text = await response.text();
    return readMetrics(text, this.#now());
  }
}

function silent(url: string): HoldfastError {
  const message = `${url} has not told its metrics within ${readMs / 1_000} seconds`;
  return new HoldfastError("client", "network_error", message);
}
