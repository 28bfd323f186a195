import type { HoldfastError } from "@holdfast/core";
import { bodyTooLong, type Exchange, makeRequest } from "../http/exchange.ts";

/** The request on whose behalf another one is made. */
export interface Asker {
  readonly peer: string | undefined;
  header(name: string): string | undefined;
  headers(): Headers;
}

/** The answer to a request that was made here. */
export interface InnerReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string | undefined;
}

const none = new Uint8Array(0);

/** A request that is made here, with the rights of another one, and answered by our own routes. */
export class InnerExchange implements Exchange {
  readonly method: string;
  readonly url: string;
  readonly answer: Promise<InnerReply>;
  readonly #asker: Asker;
  readonly #own: Readonly<Record<string, string | undefined>>;
  readonly #body: Uint8Array;
  readonly #resolve: (reply: InnerReply) => void;

  constructor(
    asker: Asker,
    request: {
      readonly method: string;
      readonly url: string;
      readonly headers: Readonly<Record<string, string | undefined>>;
      readonly body?: Uint8Array;
    },
  ) {
    this.method = request.method;
    this.url = request.url;
    this.#asker = asker;
    this.#body = request.body ?? none;
    const length = this.#body.length === 0 ? undefined : String(this.#body.length);
    this.#own = { ...request.headers, "content-length": length, "transfer-encoding": undefined };
    const { promise, resolve } = Promise.withResolvers<InnerReply>();
    this.answer = promise;
    this.#resolve = resolve;
  }

  get peer(): string | undefined {
    return this.#asker.peer;
  }

  header(name: string): string | undefined {
    return Object.hasOwn(this.#own, name) ? this.#own[name] : this.#asker.header(name);
  }

  headers(): Headers {
    const headers = new Headers(this.#asker.headers());
    for (const [name, value] of Object.entries(this.#own)) {
      if (value === undefined) headers.delete(name);
      else headers.set(name, value);
    }
    return headers;
  }

  headerPairs(): Iterable<readonly [string, string]> {
    return this.headers();
  }

  readBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void {
    const isTooLong = this.#body.length > maxBytes;
    done(isTooLong ? bodyTooLong(maxBytes) : undefined, isTooLong ? none : this.#body);
  }

  onGone(): void {
    // It is short, and its asker notices for itself.
  }

  reply(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string | undefined,
  ): void {
    this.#resolve({ status, headers, body });
  }

  request(url: string, signal: AbortSignal, maxBytes: number): Request {
    if (this.#body.length > maxBytes) throw bodyTooLong(maxBytes);
    const body = this.#body.length === 0 ? null : new Blob([this.#body as Uint8Array<ArrayBuffer>]).stream();
    return makeRequest(url, { method: this.method, headers: this.headers(), signal, body });
  }

  replyWith(response: Response, headers: Readonly<Record<string, string>>): void {
    const all = { ...Object.fromEntries(response.headers), ...headers };
    response.arrayBuffer().then(
      (body) => this.reply(response.status, all, new Uint8Array(body)),
      () => this.reply(502, {}, undefined),
    );
  }
}
