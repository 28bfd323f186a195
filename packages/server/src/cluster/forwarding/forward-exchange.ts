import { Readable } from "node:stream";
import { type ActorTarget, header } from "@holdfast/client";
import type { Exchange } from "../../gateway/http/exchange.ts";
import { isBodiless } from "../../gateway/http/exchange.ts";
import { endToEnd, headerPairs, linkHeader, responseHeaders } from "../links/headers.ts";
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
  const gone = new AbortController();
  exchange.onGone(() => gone.abort(new Error("The client has disconnected")));
  const { method, url } = exchange;
  const isKeyed = exchange.header(header.idempotencyKey) !== undefined;
  const request: ForwardedRequest = {
    ...{ method, path: url, peer: exchange.peer, signal: gone.signal },
    authority: exchange.header("host") ?? "localhost",
    headers: endToEnd(exchange.headers()),
    body: await bodyOf(exchange, gone.signal),
    isIdempotent: !isRaw && (isKeyed || method === "GET" || method === "HEAD"),
  };
  const response = await forwarder.send("request", target, request);
  if (response === undefined) return false;
  await relay(exchange, response);
  return true;
}

async function bodyOf(exchange: Exchange, signal: AbortSignal): Promise<ForwardedRequest["body"]> {
  if (exchange.method === "GET" || exchange.method === "HEAD") return undefined;
  const declared = exchange.header("content-length");
  const isChunked = exchange.header("transfer-encoding") !== undefined;
  if (isChunked || Number(declared ?? 0) > maxHeldBytes) {
    // Its length is checked by the node that reads it.
    const { body } = exchange.request(`http://actor${exchange.url}`, signal, Number.MAX_SAFE_INTEGER);
    return body ?? undefined;
  }
  return new Promise((resolve, reject) => {
    exchange.readBody(maxHeldBytes, (error, body) => {
      if (error !== undefined) reject(error);
      else resolve(body.length === 0 ? undefined : body);
    });
  });
}

async function relay(exchange: Exchange, { status, headers, stream }: ForwardedResponse): Promise<void> {
  exchange.onGone(() => stream.destroy());
  const isRaw = headers[linkHeader.raw] !== undefined;
  const kept = endToEnd(headerPairs(headers));
  const length = Number(headers["content-length"] ?? Number.NaN);
  const isBodyless = isBodiless(exchange.method, status);
  if (!isRaw && exchange.method !== "HEAD" && (isBodyless || length <= maxJoinedBytes)) {
    const body = await bytesOf(stream);
    delete kept["content-length"];
    exchange.reply(status, plain(kept), body);
    return;
  }
  const body = isBodyless ? null : (Readable.toWeb(stream) as ReadableStream<Uint8Array>);
  if (isBodyless) stream.resume();
  exchange.replyWith(new Response(body, { status, headers: responseHeaders(kept) }), {});
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  if (chunks.length === 0) return undefined;
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

function plain(headers: Readonly<Record<string, string | string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value].flat().join(", ")]),
  );
}
