import type { IncomingHttpHeaders } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { HoldfastError } from "@holdfast/core";
import {
  bodyConsumed,
  bodyTooLong,
  type Exchange,
  isBodiless,
  makeRequest,
} from "../../gateway/http/exchange.ts";
import { bodyStream, clientLeft, writeBody } from "../../gateway/http/node-body.ts";
import { endToEnd, headerPairs, linkHeader, misdirected } from "./headers.ts";

const empty = new Uint8Array(0);

/** A client's request that another node has forwarded. That node adds the headers of its own response. */
export class LinkExchange implements Exchange {
  readonly method: string;
  readonly url: string;
  readonly peer: string | undefined;
  /** The sender's revision of the leases. */
  readonly revision: number;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  #isRead = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.method = String(headers[":method"] ?? "GET");
    this.url = String(headers[":path"] ?? "/");
    const peer = headers[linkHeader.peer];
    this.peer = typeof peer === "string" ? peer : undefined;
    this.revision = Number(headers[linkHeader.revision] ?? 0);
    this.#stream = stream;
    this.#headers = headers;
  }

  /** The request was forwarded, and may be sent back. */
  get forwarded(): this {
    return this;
  }

  /** The sender keeps a body unless it waits before it sends it. */
  get isRepeatable(): boolean {
    return !this.#isRead || this.#headers[linkHeader.waits] === undefined;
  }

  /** This node does not serve the actor: nothing ran, and the sender looks for the owner again. */
  misdirect(revision: number): void {
    this.#respond(misdirected, { [linkHeader.revision]: String(revision) }, true);
    this.#stream.resume();
  }

  header(name: string): string | undefined {
    const value = this.#headers[name === "host" ? ":authority" : name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  *headerPairs(): Generator<readonly [string, string]> {
    for (const pair of headerPairs(this.#headers)) if (!pair[0].startsWith("x-holdfast-link")) yield pair;
  }

  headers(): Headers {
    const headers = new Headers();
    for (const [name, value] of this.headerPairs()) headers.append(name, value);
    const host = this.header("host");
    if (host !== undefined) headers.set("host", host);
    return headers;
  }

  readBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void {
    if (this.#isRead) return done(bodyConsumed(), empty);
    this.#read();
    const stream = this.#stream;
    if (stream.endAfterHeaders) return done(undefined, empty);
    const chunks: Buffer[] = [];
    let size = 0;
    let isDone = false;
    const end = (error: HoldfastError | undefined, body: Uint8Array): void => {
      if (isDone) return;
      isDone = true;
      done(error, body);
    };
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) return end(bodyTooLong(maxBytes), empty);
      chunks.push(chunk);
    });
    stream.once("end", () => {
      const [first] = chunks;
      end(undefined, first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks));
    });
    stream.once("close", () => end(clientLeft(), empty));
  }

  onGone(callback: () => void): void {
    const stream = this.#stream;
    const closed = (): void => {
      // A stream that its sender resets ends as if it were complete.
      if (stream.aborted || !stream.writableFinished) callback();
    };
    if (stream.closed) closed();
    else stream.once("close", closed);
  }

  reply(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string | undefined,
  ): void {
    const length = body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const hasBody = length > 0 && !isBodiless(this.method, status);
    const all = status === 204 ? headers : { ...headers, "content-length": String(length) };
    if (!this.#respond(status, all, !hasBody) || !hasBody) return;
    this.#stream.end(body);
  }

  request(url: string, signal: AbortSignal, maxBytes: number): Request {
    if (this.#isRead) throw bodyConsumed();
    if (Number(this.header("content-length") ?? 0) > maxBytes) throw bodyTooLong(maxBytes);
    this.#read();
    const body = this.#stream.endAfterHeaders ? null : bodyStream(this.#stream, maxBytes);
    return makeRequest(url, { method: this.method, headers: this.headers(), signal, body });
  }

  replyWith(source: Response, headers: Readonly<Record<string, string>>): void {
    const { body, status, statusText } = source;
    const bodiless = isBodiless(this.method, status) || body === null;
    const own = Object.keys(headers).map((name) => name.toLowerCase());
    const kept = endToEnd(source.headers);
    for (const name of own) delete kept[name];
    const ofLink = {
      [linkHeader.raw]: "true",
      ...(statusText === "" ? {} : { [linkHeader.statusText]: statusText }),
    };
    if (!this.#respond(status, { ...kept, ...headers, ...ofLink }, bodiless) || bodiless) {
      body?.cancel().catch(() => undefined);
      return;
    }
    const declared = source.headers.get("content-length");
    void writeBody(body, this.#stream, declared === null ? undefined : Number(declared));
  }

  #read(): void {
    this.#isRead = true;
    if (this.#headers[linkHeader.waits] !== undefined) this.#stream.additionalHeaders({ ":status": 100 });
  }

  /** False if nobody can receive the response. */
  #respond(
    status: number,
    headers: Readonly<Record<string, string | string[]>>,
    endStream: boolean,
  ): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.headersSent) return false;
    stream.respond({ ...headers, ":status": status }, { endStream });
    // What the sender still sends is not needed.
    if (endStream && !stream.readableEnded) stream.resume();
    return true;
  }
}
