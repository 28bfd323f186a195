import { contentType, header } from "@holdfast/client";
import { encodeValue, type HoldfastError, toWireError, type WireError } from "@holdfast/core";
import { bodyTooLong, type Exchange, makeRequest } from "../http/exchange.ts";
import { clientError, errorOf, streamUnsupported } from "./client-error.ts";
import { firstVersion } from "./codec/bare.ts";
import {
  type BodyWire,
  decodeCall,
  decodeQueueBody,
  encodeCallReply,
  encodeErrorBody,
  encodeQueueReply,
  mediaType,
} from "./codec/bodies.ts";
import { ownValue, type RivetEncoding } from "./codec/values.ts";

/** Headers of an answer. */
type Fields = Readonly<Record<string, string>>;

/** How a request of this wire looks to our own routes. */
export interface TranslatedRequest {
  readonly method: string;
  readonly url: string;
  /** Replaced headers; undefined removes one. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Of the bodies that belong to the gateway and not to user code. */
  readonly body: "call" | "queue" | undefined;
  readonly encoding: RivetEncoding;
}

/** Bytes in JSON, and inside of a list in BARE and CBOR, are base64. */
const inflation = 1.4;
const envelopeBytes = 4_096;

/**
 * A request of a client of `rivetkit` as one of our own, and our answer as one of its. Bodies are translated when they
 * are read, after the checks that do not need them.
 */
export class TranslatedExchange implements Exchange {
  readonly method: string;
  readonly url: string;
  readonly #exchange: Exchange;
  readonly #request: TranslatedRequest;
  /** The version is known when the body has been read. */
  #version = firstVersion;

  constructor(exchange: Exchange, request: TranslatedRequest) {
    this.method = request.method;
    this.url = request.url;
    this.#exchange = exchange;
    this.#request = request;
  }

  get peer(): string | undefined {
    return this.#exchange.peer;
  }

  header(name: string): string | undefined {
    const { headers } = this.#request;
    return Object.hasOwn(headers, name) ? headers[name] : this.#exchange.header(name);
  }

  headers(): Headers {
    const headers = new Headers(this.#exchange.headers());
    for (const [name, value] of Object.entries(this.#request.headers)) {
      if (value === undefined) headers.delete(name);
      else headers.set(name, value);
    }
    return headers;
  }

  headerPairs(): Iterable<readonly [string, string]> {
    const { headers } = this.#request;
    const kept = Array.from(this.#exchange.headerPairs()).filter(([name]) => !Object.hasOwn(headers, name));
    const replaced = Object.entries(headers).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    );
    return [...kept, ...replaced];
  }

  readBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void {
    if (this.#request.body === undefined) return this.#exchange.readBody(maxBytes, done);
    this.#exchange.readBody(Math.ceil(maxBytes * inflation) + envelopeBytes, (error, body) => {
      const none = new Uint8Array(0);
      if (error !== undefined) return done(error, none);
      let own: Uint8Array;
      try {
        own = this.#ownBody(body);
      } catch (cause) {
        return done(cause as HoldfastError, none);
      }
      if (own.length > maxBytes) done(bodyTooLong(maxBytes), none);
      else done(undefined, own);
    });
  }

  onGone(callback: () => void): void {
    this.#exchange.onGone(callback);
  }

  reply(status: number, headers: Fields, body: Uint8Array | string | undefined): void {
    const { "content-type": type, ...rest } = headers;
    if (body === undefined) return this.#exchange.reply(status, headers, body);
    const error = status < 400 ? undefined : errorOf(type, body);
    if (error !== undefined) return this.#replyError(status, error, rest);
    const { body: kind, encoding } = this.#request;
    if (kind === undefined || type !== contentType.cbor) return this.#exchange.reply(status, headers, body);
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const all = { ...rest, "content-type": mediaType(encoding) };
    this.#exchange.reply(status, all, this.#clientBody(kind, bytes));
  }

  request(url: string, signal: AbortSignal, maxBytes: number): Request {
    if (this.#request.body === undefined) {
      const asked = this.#exchange.request(url, signal, maxBytes);
      const { method, body } = asked;
      return makeRequest(url, { method, headers: this.headers(), signal, body });
    }
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) =>
        new Promise((resolve) => {
          this.readBody(maxBytes, (error, bytes) => {
            if (error !== undefined) controller.error(error);
            else {
              if (bytes.length > 0) controller.enqueue(bytes);
              controller.close();
            }
            resolve();
          });
        }),
    });
    return makeRequest(url, { method: this.method, headers: this.headers(), signal, body });
  }

  replyWith(response: Response, headers: Fields): void {
    const type = response.headers.get("content-type") ?? undefined;
    const isOwn = this.#request.body !== undefined || response.headers.has(header.error);
    if (!isOwn) return this.#exchange.replyWith(response, headers);
    // A longer result of another node, or an error of its gateway.
    if (type === contentType.cbor || response.status >= 400)
      return void this.#replyCollected(response, headers);
    response.body?.cancel().catch(() => undefined);
    const error = streamUnsupported();
    this.#replyError(error.statusCode, toWireError(error), headers);
  }

  async #replyCollected(response: Response, headers: Fields): Promise<void> {
    const own = Object.fromEntries(response.headers);
    delete own["content-length"];
    // Another node answers within the limits of results.
    const body = new Uint8Array(await response.arrayBuffer().catch(() => new ArrayBuffer(0)));
    this.reply(response.status, { ...own, ...headers }, body);
  }

  #replyError(status: number, error: WireError, headers: Fields): void {
    const { encoding } = this.#request;
    const { [header.error]: _, ...rest } = headers;
    const all = { ...rest, "content-type": mediaType(encoding) };
    const wire = { encoding, version: this.#version };
    this.#exchange.reply(status, all, encodeErrorBody(wire, clientError(error)));
  }

  #ownBody(body: Uint8Array): Uint8Array {
    const { body: kind, encoding } = this.#request;
    const { version, value } = kind === "call" ? decodeCall(encoding, body) : decodeQueueBody(encoding, body);
    this.#version = version;
    return encodeValue(value);
  }

  #clientBody(kind: "call" | "queue", bytes: Uint8Array): Uint8Array | string {
    const wire: BodyWire = { encoding: this.#request.encoding, version: this.#version };
    const value = ownValue(bytes) as Readonly<Record<string, unknown>>;
    if (kind === "call") return encodeCallReply(wire, value["output"]);
    return encodeQueueReply(wire, String(value["status"]), value["response"]);
  }
}
