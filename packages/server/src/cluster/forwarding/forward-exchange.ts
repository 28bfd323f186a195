import { Readable } from "node:stream";
import { type ActorTarget, header } from "@holdfast/client";
import type { Exchange } from "../../gateway/http/exchange.ts";
import { isBodiless } from "../../gateway/http/exchange.ts";
import { tracing } from "../../observe/tracing.ts";
import { nodeLost } from "../link-lost.ts";
import { endToEnd, headerPairs, linkHeader, responseHeaders, statusTextOf } from "../links/headers.ts";
import { Departure } from "./departure.ts";
import type { ForwardedRequest, ForwardedResponse, Forwarder } from "./forwarder.ts";

/** A longer body is not held in memory: it is sent once, as it arrives. */
const maxHeldBytes = 1_048_576;
/** A longer response is passed on as it arrives. */
const maxJoinedBytes = 65_536;

/** Forwards a client's request and sends the response. False if this node serves the actor, and nothing was sent. */
export async function forwardExchange(
  forwarder: Forwarder,
  exchange: Exchange,
  target: ActorTarget,
  /** Requests for user code are not repeated: only the client knows whether that is harmless. */
  isRaw: boolean,
): Promise<boolean> {
  const gone = new Departure(exchange);
  const { method, url } = exchange;
  const isKeyed = exchange.header(header.idempotencyKey) !== undefined;
  const request: ForwardedRequest = {
    ...{ method, path: url, peer: exchange.peer, signal: gone },
    authority: exchange.header("host") ?? "localhost",
    headers: endToEnd(exchange.headerPairs()),
    body: await bodyOf(exchange, gone),
    isRaw,
    isIdempotent: !isRaw && (isKeyed || method === "GET" || method === "HEAD"),
  };
  const response = await tracing.forwarded(
    `forward ${target.name}`,
    { "actor.name": target.name },
    (name) => exchange.header(name),
    (headers) => {
      const sent =
        headers === undefined ? request : { ...request, headers: { ...request.headers, ...headers } };
      return forwarder.send("request", target, sent);
    },
  );
  if (response === undefined) return false;
  await relay(exchange, response);
  return true;
}

async function bodyOf(exchange: Exchange, gone: Departure): Promise<ForwardedRequest["body"]> {
  if (exchange.method === "GET" || exchange.method === "HEAD") return undefined;
  const declared = exchange.header("content-length");
  const isChunked = exchange.header("transfer-encoding") !== undefined;
  if (isChunked || Number(declared ?? 0) > maxHeldBytes) {
    // Its length is checked by the node that reads it.
    const { body } = exchange.request(`http://actor${exchange.url}`, gone.signal, Number.MAX_SAFE_INTEGER);
    return body ?? undefined;
  }
  return new Promise((resolve, reject) => {
    exchange.readBody(maxHeldBytes, (error, body) => {
      if (error !== undefined) reject(error);
      else resolve(body.length === 0 ? undefined : body);
    });
  });
}

async function relay(exchange: Exchange, { status, headers, body, node }: ForwardedResponse): Promise<void> {
  if (body instanceof Uint8Array) return exchange.reply(status, plain(headers), body);
  const stream = body;
  exchange.onGone(() => stream.destroy());
  const isRaw = headers[linkHeader.raw] !== undefined;
  const kept = endToEnd(headerPairs(headers));
  const length = Number(headers["content-length"] ?? Number.NaN);
  const isBodyless = isBodiless(exchange.method, status);
  if (!isRaw && exchange.method !== "HEAD" && (isBodyless || length <= maxJoinedBytes)) {
    const bytes = await bytesOf(stream).catch((error: unknown) => {
      throw nodeLost(node, error);
    });
    delete kept["content-length"];
    exchange.reply(status, plain(kept), bytes);
    return;
  }
  const streamed = isBodyless ? null : (Readable.toWeb(stream) as ReadableStream<Uint8Array>);
  if (isBodyless) stream.resume();
  const init = { status, statusText: statusTextOf(headers), headers: responseHeaders(kept) };
  exchange.replyWith(new Response(streamed, init), {});
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  if (chunks.length === 0) return undefined;
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

function plain(headers: ForwardedResponse["headers"]): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) joined[name] = typeof value === "string" ? value : value.join(", ");
  }
  return joined;
}
