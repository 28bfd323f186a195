import { HoldfastError } from "@holdfast/core";
import type { Directory } from "../../directory/directory.ts";
import { readAhead } from "../../local/read-ahead.ts";
import { Gateway } from "../gateway.ts";
import type { GatewayOptions } from "../options.ts";
import { bodyConsumed, bodyTooLong, type Exchange, isBodiless, makeRequest } from "./exchange.ts";

/** Serves one request of a server based on `Request` and `Response`. */
export type FetchGateway = (request: Request) => Promise<Response>;

export function createFetchGateway(directory: Directory, options: GatewayOptions): FetchGateway {
  return fetchGateway(new Gateway(directory, options));
}

/** Serves requests with a gateway that also serves something else, such as WebSockets. */
export function fetchGateway(gateway: Gateway): FetchGateway {
  return (request) =>
    new Promise((resolve) => {
      const exchange = new FetchExchange(request, resolve);
      if (!gateway.handle(exchange)) gateway.unclaimed(exchange);
    });
}

class FetchExchange implements Exchange {
  readonly method: string;
  readonly url: string;
  /** A Request does not contain the sender's address. */
  readonly peer = undefined;
  readonly #request: Request;
  readonly #host: string;
  readonly #resolve: (response: Response) => void;

  constructor(request: Request, resolve: (response: Response) => void) {
    const url = new URL(request.url);
    this.method = request.method;
    this.url = url.pathname + url.search;
    this.#host = url.host;
    this.#request = request;
    this.#resolve = resolve;
  }

  header(name: string): string | undefined {
    // A Request created by a server has the host in its URL.
    if (name === "host") return this.#request.headers.get("host") ?? this.#host;
    return this.#request.headers.get(name) ?? undefined;
  }

  headerPairs(): Iterable<readonly [string, string]> {
    return this.headers();
  }

  headers(): Headers {
    return this.#request.headers;
  }

  readBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void {
    if (this.#isConsumed) return done(bodyConsumed(), new Uint8Array(0));
    void this.#read(maxBytes).then(
      (body) => done(body === undefined ? bodyTooLong(maxBytes) : undefined, body ?? new Uint8Array(0)),
      (cause: unknown) => done(brokenOff(cause), new Uint8Array(0)),
    );
  }

  onGone(callback: () => void): void {
    const { signal } = this.#request;
    if (signal.aborted) callback();
    else signal.addEventListener("abort", callback, { once: true });
  }

  reply(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string | undefined,
  ): void {
    // Our own encoder never uses shared buffers.
    const content = (body ?? null) as Uint8Array<ArrayBuffer> | string | null;
    const all = { ...headers, "cache-control": "no-store", "x-content-type-options": "nosniff" };
    this.#resolve(new Response(content, { status, headers: all }));
  }

  request(url: string, signal: AbortSignal, maxBytes: number): Request {
    if (this.#isConsumed) throw bodyConsumed();
    const { method, headers, body } = this.#request;
    const all = new Headers(headers);
    const host = this.header("host");
    if (host !== undefined) all.set("host", host);
    if (Number(headers.get("content-length") ?? 0) > maxBytes) throw bodyTooLong(maxBytes);
    const bounded = body === null ? null : body.pipeThrough(bound(maxBytes));
    return makeRequest(url, { method, headers: all, signal, body: bounded });
  }

  replyWith(response: Response, headers: Readonly<Record<string, string>>): void {
    const { status, statusText, body } = response;
    const all = new Headers(response.headers);
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    const bodiless = isBodiless(this.method, status);
    if (bodiless) body?.cancel().catch(() => undefined);
    this.#resolve(readAhead(new Response(bodiless ? null : body, { status, statusText, headers: all })));
  }

  /** The body has been read, or is being read. */
  get #isConsumed(): boolean {
    return this.#request.bodyUsed || this.#request.body?.locked === true;
  }

  /** The body; undefined if it is longer than `maxBytes`. */
  async #read(maxBytes: number): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#request.body ?? []) {
      size += chunk.length;
      // Leaving the loop cancels the stream.
      if (size > maxBytes) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }
}

/** Usually the client has disconnected and nobody waits for the response; a body may also fail by itself. */
function brokenOff(cause: unknown): HoldfastError {
  const message = "The body ended early";
  return new HoldfastError("action", "aborted", message, { statusCode: 499, cause });
}

/** Passes bytes on up to a limit. */
function bound(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream(
    {
      transform: (chunk, controller) => {
        size += chunk.length;
        if (size > maxBytes) controller.error(bodyTooLong(maxBytes));
        else controller.enqueue(chunk);
      },
    },
    // Room for at least one chunk: a pipe waits for room before it reads.
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
}
