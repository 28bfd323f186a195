import type { IncomingMessage, ServerResponse } from "node:http";
import type { HoldfastError } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";
import { bodyConsumed, bodyTooLong, type Exchange, isBodiless, makeRequest } from "./exchange.ts";
import { IncomingRequest } from "./incoming-request.ts";
import { bodyStream, bodyTimedOut, writeBody } from "./node-body.ts";

const empty = new Uint8Array(0);
const maxJoinedBytes = 16_384;
/** Hop-by-hop headers, which the server sets itself. */
const hopByHop: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);

/** A request and its response on `node:http`. */
export class NodeExchange implements Exchange {
  readonly method: string;
  readonly url: string;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** True if the body is read as a stream, or not at all. */
  #streams = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.method = request.method ?? "GET";
    this.url = request.url ?? "/";
    this.#request = request;
    this.#response = response;
  }

  get peer(): string | undefined {
    return this.#request.socket.remoteAddress;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  headers(): Headers {
    return headersOf(this.#request);
  }

  headerPairs(): Iterable<readonly [string, string]> {
    return pairsOf(this.#request);
  }

  readBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void {
    const request = this.#request;
    if (isConsumed(request)) return done(bodyConsumed(), empty);
    const declared = request.headers["content-length"];
    if (declared !== undefined && Number(declared) > maxBytes) {
      this.#refuse();
      done(bodyTooLong(maxBytes), empty);
      return;
    }
    if (request instanceof IncomingRequest) {
      const collects = request.collect(maxBytes, (error, body) => {
        if (error !== undefined) this.#refuse();
        done(error, body);
      });
      if (collects) return;
    }
    // A small body arrives with its head: on the next tick it is complete, without any stream events. The parser
    // reports its end only after that tick, so the declared length is used.
    process.nextTick(() => {
      const isHere = request.complete || request.readableLength === Number(declared);
      if (!isHere) return this.#collectBody(maxBytes, done);
      const body = request.read() as Buffer | null;
      if (body === null) return done(undefined, empty);
      if (body.length <= maxBytes) return done(undefined, body);
      this.#refuse();
      done(bodyTooLong(maxBytes), empty);
    });
  }

  /** Reads a body that has not arrived completely. */
  #collectBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void {
    const request = this.#request;
    const { requestTimeoutMs } = serverLimits;
    const chunks: Buffer[] = [];
    let size = 0;
    const refuse = (error: HoldfastError): void => {
      clearTimeout(deadline);
      request.removeListener("data", onData);
      request.removeListener("end", onEnd);
      this.#refuse();
      done(error, empty);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) refuse(bodyTooLong(maxBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      clearTimeout(deadline);
      const [first] = chunks;
      done(undefined, first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks));
    };
    const deadline = setTimeout(() => refuse(bodyTimedOut(requestTimeoutMs)), requestTimeoutMs).unref();
    request.on("data", onData);
    request.on("end", onEnd);
  }

  onGone(callback: () => void): void {
    const response = this.#response;
    const closed = (): void => {
      if (!response.writableFinished) callback();
    };
    if (response.closed) closed();
    else response.once("close", closed);
  }

  reply(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string | undefined,
  ): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    if (this.#streams) this.#endUnread();
    const length = body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const lines: string[] = ["cache-control", "no-store", "x-content-type-options", "nosniff"];
    for (const name in headers) lines.push(name, headers[name] ?? "");
    if (status !== 204) lines.push("content-length", String(length));
    // Node writes a flat array as it is; an object would be iterated and validated twice.
    response.writeHead(status, lines);
    // Text: a small body then leaves in one packet with the head, which a Buffer would not.
    if (body instanceof Uint8Array && body.length <= maxJoinedBytes) response.end(latin1(body), "latin1");
    else response.end(body);
  }

  request(url: string, signal: AbortSignal, maxBytes: number): Request {
    const { headers } = this.#request;
    if (isConsumed(this.#request)) throw bodyConsumed();
    if (Number(headers["content-length"] ?? 0) > maxBytes) {
      this.#refuse();
      throw bodyTooLong(maxBytes);
    }
    const hasBody = announcesBody(this.#request);
    const body = hasBody ? bodyStream(this.#request, maxBytes) : null;
    this.#streams = hasBody;
    return makeRequest(url, { method: this.method, headers: headersOf(this.#request), signal, body });
  }

  replyWith(source: Response, headers: Readonly<Record<string, string>>): void {
    const response = this.#response;
    const { body, status } = source;
    if (response.headersSent || response.destroyed) {
      body?.cancel().catch(() => undefined);
      return;
    }
    const lines: string[] = [];
    for (const [name, value] of source.headers) {
      if (!hopByHop.has(name) && headers[name] === undefined) lines.push(name, value);
    }
    for (const name in headers) lines.push(name, headers[name] ?? "");
    const bodiless = isBodiless(this.method, status);
    const declared = source.headers.get("content-length");
    if (body === null && !bodiless && declared === null) lines.push("content-length", "0");
    this.#endUnread();
    if (source.statusText === "") response.writeHead(status, lines);
    else response.writeHead(status, source.statusText, lines);
    if (bodiless || body === null) {
      body?.cancel().catch(() => undefined);
      response.end();
      return;
    }
    // A body that is available immediately leaves in one packet with the head; the head does not wait for a slow body.
    response.cork();
    setImmediate(() => {
      if (response.writableEnded) return;
      response.flushHeaders();
      response.uncork();
    });
    void writeBody(body, response, declared === null ? undefined : Number(declared));
  }

  /** An unread body would block the next request: the connection ends. */
  #endUnread(): void {
    if (!this.#streams || this.#request.complete) return;
    this.#response.shouldKeepAlive = false;
    this.#response.once("finish", () => drain(this.#request));
  }

  /** The rest of the body is not needed: the connection ends after the response. */
  #refuse(): void {
    this.#response.shouldKeepAlive = false;
    drain(this.#request);
  }
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** A body can be read only once. */
function isConsumed(request: IncomingMessage): boolean {
  return request.readableEnded && announcesBody(request);
}

/** Reads a little further, so that the sender gets to see the response. */
function drain(request: IncomingMessage): void {
  if (request.complete) return;
  let drained = 0;
  request.on("data", (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > serverLimits.maxDrainBytes) request.destroy();
  });
  request.resume();
}

/** The headers as received, with repetitions. */
export function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of pairsOf(request)) headers.append(name, value);
  return headers;
}

function pairsOf({ rawHeaders, headers }: IncomingMessage): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    // RFC 6265, section 5.4: cookies are joined with semicolons.
    if (name !== "cookie") pairs.push([name, rawHeaders[i + 1] ?? ""]);
  }
  if (headers.cookie !== undefined) pairs.push(["cookie", headers.cookie]);
  return pairs;
}

/** Latin-1: each byte as the character of its number. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
