import type { IncomingMessage, ServerResponse } from "node:http";
import { invalid, problem } from "./problem.ts";

/** One request with what the router found out about it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborted when the client goes away before the response is complete. */
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

/** The value of a query parameter that has to be there. */
export function requiredQuery(exchange: Exchange, name: string): string {
  const value = exchange.query.get(name);
  if (value === null) throw invalid(`missing required '${name}' query parameter`);
  return value;
}

/** A query parameter that is literally `true` or `false`. */
export function booleanQuery(exchange: Exchange, name: string): boolean {
  const value = exchange.query.get(name);
  if (value === null || value === "false") return false;
  if (value === "true") return true;
  throw invalid(`query parameter '${name}' must be true or false`);
}

/** Throws 415 for what is not said to be JSON: `application/json`, or a type that is built on it (RFC 6839). */
export function requireJsonContent(exchange: Exchange): void {
  const type = exchange.request.headers["content-type"] ?? "";
  if (!/^application\/([^\s;]+\+)?json\s*(;|$)/i.test(type)) {
    throw problem("unsupported_media_type", 415, "the request body must be application/json");
  }
}

/** Refuses a body that is compressed: nobody unpacks it here, and what it is would be taken for what it holds. */
export function requireIdentity({ request, response }: Exchange): void {
  const coding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "";
  if (coding === "" || coding === "identity") return;
  response.setHeader("accept-encoding", "identity");
  throw problem("unsupported_media_type", 415, "the request body must not have a content-encoding");
}

/** True when the Accept header allows `type` ("application/json"), by itself or through a wildcard. */
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

/** The whole body as text, of at most `maxBytes`; a larger one is refused with 413 as soon as it is seen. */
export async function readText(exchange: Exchange, maxBytes: number): Promise<string> {
  requireIdentity(exchange);
  const { request } = exchange;
  const tooLarge = () => invalid(`the request body exceeds ${maxBytes} bytes`, 413);
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > maxBytes) throw tooLarge();
  // A small body comes with its head: by then it is all there, and needs no events of a stream.
  await Promise.resolve();
  const body: unknown = declared > 0 && request.readableLength === declared ? request.read() : undefined;
  if (Buffer.isBuffer(body)) return body.toString("utf8");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) {
      chunks.push(chunk);
      return;
    }
    // The rest stays unread, so that the refusal can still be sent.
    request.off("data", take).pause();
    reject(tooLarge());
  };
  request.on("data", take);
  request.once("end", () => resolve(textOf(chunks, size)));
  request.once("error", reject);
  return await promise;
}

function textOf(chunks: readonly Buffer[], size: number): string {
  const [first, ...rest] = chunks;
  // Nearly every body comes in one piece.
  if (first !== undefined && rest.length === 0) return first.toString("utf8");
  return Buffer.concat(chunks, size).toString("utf8");
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`invalid JSON body: ${error instanceof Error ? error.message : "not JSON"}`);
  }
}
