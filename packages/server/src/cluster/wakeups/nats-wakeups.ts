import { HoldfastError, type Logger, type Tasks, type Timer } from "@holdfast/core";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { NodeAddress } from "../placement.ts";
import { loadNats, type NatsModule, natsConnection } from "./nats-connection.ts";
import type { NatsOptions } from "./nats-options.ts";
import type { ReceiveWakeup, WakeupTransport } from "./transport.ts";

export interface NatsWakeupsOptions {
  readonly nats: NatsOptions;
  /** Id of the cluster: several may share one NATS system. */
  readonly cluster: string;
  /** Id of this node. */
  readonly node: string;
  readonly tasks: Tasks;
  readonly log: Logger;
  readonly receive: ReceiveWakeup;
  /** Called when messages arrive again: some may have been lost. */
  connected(): void;
}

/** Time limit for a node to confirm a message, in milliseconds. */
const confirmMs = 1_000;
const minRetryMs = 500;
const maxRetryMs = 10_000;

/**
 * Wake-ups over NATS: a subject for each node of a cluster. A message is a request, so that its sender learns whether a
 * node has received it.
 */
export class NatsWakeups implements WakeupTransport {
  readonly name = "nats";
  readonly #options: NatsWakeupsOptions;
  #module: NatsModule | undefined;
  #connection: NatsConnection | undefined;
  #isUp = false;
  #isClosed = false;
  #failures = 0;
  #retry: Timer | undefined;

  constructor(options: NatsWakeupsOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /**
   * Connects. Without a server it goes on in the background, unless NATS is required. Throws
   * `cluster.nats_unavailable`, `cluster.package_missing`, `cluster.invalid_nats_options`.
   */
  async start(): Promise<void> {
    const { nats } = this.#options;
    this.#module = await loadNats();
    // Invalid options are an error at the start, not a reason to try again.
    await natsConnection(nats);
    const error = await this.#connect();
    if (error !== undefined && nats.required === true) {
      await this.close();
      throw unavailable(error);
    }
  }

  async send(node: NodeAddress, message: string): Promise<boolean> {
    const connection = this.#connection;
    if (connection === undefined || !this.#isUp) return false;
    try {
      await connection.request(this.#subject(node.id), message, { timeout: confirmMs });
      return true;
    } catch (error) {
      this.#options.log.debug("a wake-up was not confirmed over NATS", { node: node.id, error });
      return false;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isUp = false;
    this.#retry?.cancel();
    await this.#connection?.close();
  }

  #subject(node: string): string {
    return `holdfast.v1.${this.#options.cluster}.${Buffer.from(node).toString("base64url")}`;
  }

  /** Returns the error if there is no connection; another attempt follows. */
  async #connect(): Promise<unknown> {
    const { nats, node, log } = this.#options;
    try {
      const settings = await natsConnection(nats);
      const connection = await this.#module?.connect({ ...settings, name: `holdfast ${node}` });
      if (connection === undefined) throw new Error("NATS was not loaded");
      if (this.#isClosed) return void (await connection.close());
      this.#connection = connection;
      connection.subscribe(this.#subject(node), {
        callback: (error, message) => this.#received(error, message),
      });
      // The server has the subscription once it has answered.
      await connection.flush();
      void this.#watch(connection);
      this.#up();
      return undefined;
    } catch (error) {
      this.#failures++;
      log[this.#failures === 1 ? "warn" : "debug"]("NATS cannot be reached; the node goes on without it", {
        attempts: this.#failures,
        error,
      });
      this.#connectLater();
      return error;
    }
  }

  #connectLater(): void {
    if (this.#isClosed) return;
    const delayMs = Math.min(maxRetryMs, minRetryMs * 2 ** Math.min(this.#failures, 10));
    this.#retry = this.#options.tasks.after(delayMs, () => void this.#connect());
  }

  #received(error: Error | null, message: Msg): void {
    if (error !== null) {
      this.#options.log.warn("NATS does not deliver wake-ups to this node", { error });
      this.#isUp = false;
      return;
    }
    void this.#options.receive(message.string()).then(() => message.respond());
  }

  /** Follows the state of a connection, which the client restores by itself, until it is closed. */
  async #watch(connection: NatsConnection): Promise<void> {
    const { log } = this.#options;
    for await (const { type } of connection.status()) {
      if (this.#isClosed) return;
      if (type === "disconnect") {
        this.#isUp = false;
        log.warn("the connection to NATS was lost; the node goes on without it");
      } else if (type === "reconnect") {
        this.#up();
      }
    }
    if (this.#isClosed || this.#connection !== connection) return;
    this.#isUp = false;
    this.#connection = undefined;
    this.#connectLater();
  }

  #up(): void {
    this.#isUp = true;
    this.#failures = 0;
    this.#options.log.info("connected to NATS");
    this.#options.connected();
  }
}

function unavailable(cause: unknown): HoldfastError {
  const reason = cause instanceof Error ? ` (${cause.message})` : "";
  const message = `NATS cannot be reached${reason}, and "cluster.nats" says that it is required. Start it, correct the URL, or leave "required" out to have the node connect later`;
  return new HoldfastError("cluster", "nats_unavailable", message, { statusCode: 503, cause });
}
