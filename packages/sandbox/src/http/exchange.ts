import type { IncomingMessage, ServerResponse } from "node:http";
import { invalid, problem } from "./problem.ts";

/** One HTTP request with its response and the route parameters. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborts when the client disconnects before the response is complete. */
  readonly signal: AbortSignal;
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  sendJsonText(response, JSON.stringify(value), status);
}

export function sendJsonText(response: ServerResponse, text: string, status = 200): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

export function sendEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 204 ? {} : { "content-length": 0 });
  response.end();
}

/** Returns a required query parameter. Throws `invalid_request` when it is missing. */
export function requiredQuery(exchange: Exchange, name: string): string {
  const value = exchange.query.get(name);
  if (value === null) throw invalid(`missing required '${name}' query parameter`);
  return value;
}

/** Returns a boolean query parameter. Throws `invalid_request` unless it is `true`, `false` or absent. */
export function booleanQuery(exchange: Exchange, name: string): boolean {
  const value = exchange.query.get(name);
  if (value === null || value === "false") return false;
  if (value === "true") return true;
  throw invalid(`query parameter '${name}' must be true or false`);
}

/** Throws 415 unless the content type is `application/json` or has the suffix `+json` (RFC 6839). */
export function requireJsonContent(exchange: Exchange): void {
  const type = exchange.request.headers["content-type"] ?? "";
  if (!/^application\/([^\s;]+\+)?json\s*(;|$)/i.test(type)) {
    throw problem("unsupported_media_type", 415, "the request body must be application/json");
  }
}

/**
 * Throws 415 for a compressed body. The server does not decompress, and would store the compressed bytes as content.
 */
export function requireUncompressed({ request, response }: Exchange): void {
  const coding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "";
  if (coding === "" || coding === "identity") return;
  response.setHeader("accept-encoding", "identity");
  throw problem("unsupported_media_type", 415, "the request body must not have a content-encoding");
}

/** Whether the Accept header allows `type` (such as "application/json"), directly or through a wildcard. */
export function accepts(exchange: Exchange, type: string): boolean {
  const header = exchange.request.headers.accept;
  if (header === undefined || header.trim() === "") return true;
  const family = `${type.split("/", 1)[0]}/*`;
  return header.split(",").some((part) => {
    const [range, ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return false;
    return range === type || range === family || range === "*/*";
  });
}

/** Reads the request body as text. Throws 413 as soon as it exceeds `maxBytes`. */
export async function readText(exchange: Exchange, maxBytes: number): Promise<string> {
  requireUncompressed(exchange);
  const { request } = exchange;
  const tooLarge = () => invalid(`the request body exceeds ${maxBytes} bytes`, 413);
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > maxBytes) throw tooLarge();
  // A small body usually arrives with the request head. Reading it synchronously avoids the stream events.
  await Promise.resolve();
  const body: unknown = declared > 0 && request.readableLength === declared ? request.read() : undefined;
  if (Buffer.isBuffer(body)) return body.toString("utf8");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) {
      chunks.push(chunk);
      return;
    }
    // Leave the rest unread, so that the 413 response can still be sent.
    request.off("data", onData).pause();
    reject(tooLarge());
  };
  request.on("data", onData);
  request.once("end", () => resolve(decodeChunks(chunks, size)));
  request.once("error", reject);
  return await promise;
}

function decodeChunks(chunks: readonly Buffer[], size: number): string {
  const [first, ...rest] = chunks;
  // Nearly every body is a single chunk.
  if (first !== undefined && rest.length === 0) return first.toString("utf8");
  return Buffer.concat(chunks, size).toString("utf8");
}

/** Parses a JSON body. Throws `invalid_request` for malformed JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`invalid JSON body: ${error instanceof Error ? error.message : "not JSON"}`);
  }
}
