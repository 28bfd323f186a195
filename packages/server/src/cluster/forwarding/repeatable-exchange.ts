import type { HoldfastError } from "@holdfast/core";
import { bodyTooLong, type Exchange, makeRequest } from "../../gateway/http/exchange.ts";

/**
 * A request whose body is kept once it was read, so that it can be answered by another node after this one has found
 * that it does not serve the actor any more. A body that is read as a stream is not kept.
 */
export class RepeatableExchange implements Exchange {
  readonly #exchange: Exchange;
  #body: Uint8Array | undefined;
  #isStreamed = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** True if the request can be handled again from its beginning. */
  get isRepeatable(): boolean {
    return !this.#isStreamed;
  }

  get method(): string {
    return this.#exchange.method;
  }

  get url(): string {
    return this.#exchange.url;
  }

  get peer(): string | undefined {
    return this.#exchange.peer;
  }

  header(name: string): string | undefined {
    return this.#exchange.header(name);
  }

  headers(): Headers {
    return this.#exchange.headers();
  }

  headerPairs(): Iterable<readonly [string, string]> {
    return this.#exchange.headerPairs();
  }

  readBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void {
    const known = this.#body;
    if (known !== undefined) {
      const isTooLong = known.length > maxBytes;
      done(isTooLong ? bodyTooLong(maxBytes) : undefined, isTooLong ? new Uint8Array(0) : known);
      return;
    }
    this.#exchange.readBody(maxBytes, (error, body) => {
      if (error === undefined) this.#body = body;
      else this.#isStreamed = true;
      done(error, body);
    });
  }

  onGone(callback: () => void): void {
    this.#exchange.onGone(callback);
  }

  reply(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string | undefined,
  ): void {
    this.#exchange.reply(status, headers, body);
  }

  request(url: string, signal: AbortSignal, maxBytes: number): Request {
    const known = this.#body;
    if (known === undefined) {
      const hasBody = this.method !== "GET" && this.method !== "HEAD";
      this.#isStreamed = hasBody;
      return this.#exchange.request(url, signal, maxBytes);
    }
    if (known.length > maxBytes) throw bodyTooLong(maxBytes);
    const body = known.length === 0 ? null : new Blob([known as Uint8Array<ArrayBuffer>]).stream();
    return makeRequest(url, { method: this.method, headers: this.headers(), signal, body });
  }

  replyWith(response: Response, headers: Readonly<Record<string, string>>): void {
    this.#exchange.replyWith(response, headers);
  }
}
