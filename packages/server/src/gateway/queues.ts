import {
  type ActorTarget,
  contentType,
  decode,
  decodeParams,
  type Encoding,
  encode,
  header,
} from "@holdfast/client";
import { HoldfastError, limits } from "@holdfast/core";
import { decodeOutcome } from "../local/queue-send.ts";
import { type Content, contentOf, malformedContent } from "../sessions/queue-content.ts";
import { cancelled, checkIdempotencyKey } from "../sessions/session-errors.ts";
import { authenticate } from "./auth.ts";
import { type Exchange, replyEncoding, requestEncoding, requestHead, urlOf } from "./http/exchange.ts";
import type { RouteHost } from "./route-host.ts";

/** Encoding overhead around a message in its request. */
const envelopeBytes = 4_096;

/** `POST .../queues/{queue}`: sends a message, and waits for its completion on request. */
export function serveSend(
  gateway: RouteHost,
  exchange: Exchange,
  route: { readonly target: ActorTarget; readonly queue: string },
  headers: Readonly<Record<string, string>>,
): void {
  const { directory } = gateway;
  const { target } = route;
  const abort = new AbortController();
  exchange.onGone(() => abort.abort(cancelled()));
  const encoding = requestEncoding(exchange);
  const idempotencyKey = exchange.header(header.idempotencyKey);
  if (idempotencyKey !== undefined) checkIdempotencyKey(idempotencyKey);
  const encodedParams = exchange.header(header.params);
  const params = encodedParams === undefined ? undefined : decodeParams(encoding ?? "json", encodedParams);
  const refuse = (cause: unknown): void => gateway.fail(exchange, cause, headers);
  const send = (content: Content, bytes: number, auth: unknown, request: () => Request): void => {
    const call = {
      ...content,
      name: route.queue,
      auth,
      params,
      request,
      idempotencyKey,
      signal: abort.signal,
    };
    // A wait for an answer may take any time, and holds no more than its place in the queue.
    const isBounded = content.wait !== true && gateway.options.isInternal !== true;
    const leave = isBounded ? directory.admission.enter(bytes) : undefined;
    const sent = directory.send(target, call);
    if (leave !== undefined) sent.then(leave, leave);
    sent.then((outcome) => {
      const reply = replyEncoding(exchange);
      const type = { "content-type": contentType[reply] };
      exchange.reply(200, { ...headers, ...type }, encode(reply, decodeOutcome(outcome)));
    }, refuse);
  };
  readBody(gateway, exchange, target, abort.signal, refuse, (body, request) => {
    const content = readContent(encoding, body);
    const question = { intents: ["message"], target, params, request } as const;
    authenticate(gateway, question, (auth) => send(content, body.length, auth, request), refuse);
  });
}

/** Reads the body, and keeps the request if `onAuth` will need it. */
function readBody(
  gateway: RouteHost,
  exchange: Exchange,
  target: ActorTarget,
  signal: AbortSignal,
  refuse: (cause: unknown) => void,
  next: (body: Uint8Array, request: () => Request) => void,
): void {
  const { directory, maxIncomingBytes } = gateway;
  // Binary data in JSON is a third larger, and the message is inside an object.
  const allowed = Math.ceil(directory.maxQueueMessageBytes(target.name) * 1.4);
  const maxBytes = Math.max(maxIncomingBytes, allowed) + envelopeBytes;
  if (gateway.authHook(target.name) === undefined) {
    exchange.readBody(maxBytes, (error, body) => {
      try {
        if (error !== undefined) throw error;
        next(body, requestHead(exchange));
      } catch (cause) {
        refuse(cause);
      }
    });
    return;
  }
  const request = exchange.request(urlOf(exchange.header("host"), exchange.url), signal, maxBytes);
  const { url, method, headers } = request;
  request
    .arrayBuffer()
    .then((body) => next(new Uint8Array(body), () => new Request(url, { method, headers })))
    .catch(refuse);
}

/** Reads `{ body, wait?, timeout?, resume?, delayMs?, priority?, ttlMs?, dedupeKey? }`. */
function readContent(encoding: Encoding | undefined, bytes: Uint8Array): Content {
  if (bytes.length === 0) return { body: undefined };
  if (encoding === undefined) {
    const message = "Set the content type of the body: application/json or application/cbor";
    throw new HoldfastError("gateway", "unsupported_content_type", message, { statusCode: 415 });
  }
  // The map around the message.
  const value = decode(encoding, bytes, limits.maxDepth + 1);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw malformedContent("it is not an object");
  return contentOf(value as Readonly<Record<string, unknown>>);
}
