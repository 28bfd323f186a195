import type { IncomingMessage, ServerResponse } from "node:http";
import type { HoldfastError } from "@holdfast/core";
import { bodyTooLong, type Exchange } from "./exchange.ts";

const empty = new Uint8Array(0);
/** How much of a refused body is read on, so that its sender gets to see the answer. */
const maxDrainBytes = 1_048_576;

/** A request and its response of `node:http`. */
export class NodeExchange implements Exchange {
  readonly method: string;
  readonly url: string;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.method = request.method ?? "GET";
    this.url = request.url ?? "/";
    this.#request = request;
    this.#response = response;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  readBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void {
    const request = this.#request;
    const declared = request.headers["content-length"];
    if (declared !== undefined && Number(declared) > maxBytes) {
      this.#refuse();
      done(bodyTooLong(maxBytes), empty);
      return;
    }
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) {
        request.removeListener("data", onData);
        request.removeListener("end", onEnd);
        this.#refuse();
        done(bodyTooLong(maxBytes), empty);
        return;
      }
      if (first === undefined) {
        first = chunk;
      } else {
        more ??= [first];
        more.push(chunk);
      }
    };
    const onEnd = (): void => done(undefined, more === undefined ? (first ?? empty) : Buffer.concat(more));
    request.on("data", onData);
    request.on("end", onEnd);
  }

  onGone(callback: () => void): void {
    this.#response.once("close", () => {
      if (!this.#response.writableFinished) callback();
    });
  }

  reply(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string | undefined,
  ): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    const length = body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const lines: string[] = ["cache-control", "no-store", "x-content-type-options", "nosniff"];
    for (const name in headers) lines.push(name, headers[name] ?? "");
    if (status !== 204) lines.push("content-length", String(length));
    // A flat list is written as it is; an object would be walked and checked twice.
    response.writeHead(status, lines);
    response.end(body);
  }

  /** The rest of the body is not wanted: the connection ends after the answer. */
  #refuse(): void {
    const request = this.#request;
    this.#response.shouldKeepAlive = false;
    let drained = 0;
    request.on("data", (chunk: Buffer) => {
      drained += chunk.length;
      if (drained > maxDrainBytes) request.destroy();
    });
  }
}
