import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { sendJsonText } from "./exchange.ts";

/** How long an answer may take to be sent with its head. */
const quickAnswerMs = 5;
/** How long a client may take to read what has reached it. */
const readingMs = 10;

/**
 * Begins the answer of a request before the agent, or the command, has ended. The status tells the client
 * that the request was forwarded, so that what it sends next comes after it, and blanks in front of the
 * JSON keep every timeout on the way from cutting a turn that takes hours.
 */
export class Heartbeat {
  #beginning: NodeJS.Timeout | undefined;
  readonly #response: ServerResponse;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #begunAt: number | undefined;

  constructor(response: ServerResponse, intervalMs: number) {
    this.#response = response;
    this.#intervalMs = intervalMs;
  }

  /** Begins unless {@link end} comes within milliseconds: then the whole answer goes out in one write. */
  startSoon(): void {
    this.#startIn(quickAnswerMs);
  }

  /** Begins when a first blank is due, or after `ms`: until then a failure can still be told by the status. */
  startLate(ms = this.#intervalMs): void {
    this.#startIn(ms);
  }

  /** Takes back a beginning that has not come yet. */
  hold(): void {
    clearTimeout(this.#beginning);
    this.#beginning = undefined;
  }

  #startIn(ms: number): void {
    if (this.#beginning !== undefined || this.#response.headersSent) return;
    this.#beginning = setTimeout(() => this.start(), ms);
  }

  start(): void {
    clearTimeout(this.#beginning);
    // Nobody would stop it where the client has gone already.
    if (this.#response.headersSent || this.#response.destroyed) return;
    this.#response.writeHead(200, { "content-type": "application/json" });
    this.#response.flushHeaders();
    this.#begunAt = performance.now();
    this.#timer = setInterval(() => this.#response.write(" "), this.#intervalMs);
    this.#response.once("close", () => this.stop());
  }

  /**
   * Resolves when the rest of the answer cannot overtake what the same client was sent on another connection,
   * the last of it at `sentAt` of `performance.now()`. A client that has a head to read on this connection may
   * look at it first, and then finds all that is there. An answer that goes out whole comes second anyway.
   */
  async comesAfter(sentAt: number): Promise<void> {
    if (this.#begunAt === undefined) return;
    const leftMs = Math.max(this.#begunAt, sentAt) + readingMs - performance.now();
    if (leftMs > 0) await delay(leftMs);
  }

  stop(): void {
    clearTimeout(this.#beginning);
    clearInterval(this.#timer);
  }

  /** Sends the JSON, and with it the rest of the answer. */
  end(json: string): void {
    this.stop();
    if (this.#response.headersSent) this.#response.end(json);
    else sendJsonText(this.#response, json);
  }
}
