import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { sendJsonText } from "./exchange.ts";

/** A response that ends within this time is sent in one write, together with its head. */
const singleWriteMs = 5;
/** Time that a client gets to read what has arrived on its other connections. */
const readTimeMs = 10;

/**
 * Keeps a long response alive: sends the status early and whitespace before the JSON until it is ready. The early
 * status tells the client that its request was forwarded, so its next request is ordered behind it. The whitespace
 * keeps proxy timeouts from cutting a turn that takes hours.
 */
export class Heartbeat {
  #startTimer: NodeJS.Timeout | undefined;
  readonly #response: ServerResponse;
  readonly #intervalMs: number;
  #intervalTimer: NodeJS.Timeout | undefined;
  #startedAt: number | undefined;

  constructor(response: ServerResponse, intervalMs: number) {
    this.#response = response;
    this.#intervalMs = intervalMs;
  }

  /** Starts the response unless {@link end} follows within milliseconds: then everything is one write. */
  startSoon(): void {
    this.#scheduleStart(singleWriteMs);
  }

  /** Starts the response after `ms`. Until then a failure can still be reported in the status. */
  startAfter(ms = this.#intervalMs): void {
    this.#scheduleStart(ms);
  }

  /** Cancels a scheduled start. */
  cancelStart(): void {
    clearTimeout(this.#startTimer);
    this.#startTimer = undefined;
  }

  #scheduleStart(ms: number): void {
    if (this.#startTimer !== undefined || this.#response.headersSent) return;
    this.#startTimer = setTimeout(() => this.start(), ms);
  }

  start(): void {
    clearTimeout(this.#startTimer);
    // "close" never fires again for a disconnected client, so the timer would leak.
    if (this.#response.headersSent || this.#response.destroyed) return;
    this.#response.writeHead(200, { "content-type": "application/json" });
    this.#response.flushHeaders();
    this.#startedAt = performance.now();
    this.#intervalTimer = setInterval(() => this.#response.write(" "), this.#intervalMs);
    this.#response.once("close", () => this.stop());
  }

  /**
   * Delays the rest of the response until the client has had time to read its other connections, which were last
   * written at `sentAt` (`performance.now()`). A client that reads the head of this response first then still finds
   * those messages before the result. A response that has not started needs no delay.
   */
  async waitForDelivery(sentAt: number): Promise<void> {
    if (this.#startedAt === undefined) return;
    const leftMs = Math.max(this.#startedAt, sentAt) + readTimeMs - performance.now();
    if (leftMs > 0) await delay(leftMs);
  }

  stop(): void {
    clearTimeout(this.#startTimer);
    clearInterval(this.#intervalTimer);
  }

  /** Sends the JSON and ends the response. */
  end(json: string): void {
    this.stop();
    if (this.#response.headersSent) this.#response.end(json);
    else sendJsonText(this.#response, json);
  }
}
