import type { ServerResponse } from "node:http";

/**
 * Begins the answer of a request before the agent has answered it. The status tells the client that
 * the request was forwarded, so that what it sends next comes after it, and blanks in front of the
 * JSON keep every timeout on the way from cutting a turn that takes hours.
 */
export class Heart {
  readonly #response: ServerResponse;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, intervalMs: number) {
    this.#response = response;
    this.#intervalMs = intervalMs;
  }

  start(): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, { "content-type": "application/json" });
    this.#response.flushHeaders();
    this.#timer = setInterval(() => this.#response.write(" "), this.#intervalMs);
    this.#response.once("close", () => this.stop());
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
