/** Requests and responses on `node:http` and `fetch`: bodies, heads, files. */
import { contentType, decodeParams, type Encoding, encode, header } from "@holdfast/client";
import {
  HoldfastError,
  isErrorCode,
  type Ports,
  sanitizeError,
  toProblem,
  toWireError,
  uuidv4,
} from "@holdfast/core";

/** One HTTP request and its response, independent of the server that carries it. */
export interface Exchange {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /** The remote address of the socket; undefined if it is unknown. */
  readonly peer: string | undefined;
  /** Set on a request that another node has forwarded. */
  readonly forwarded?: ForwardedExchange;
  header(name: string): string | undefined;
  headers(): Headers;
  /** Names in lower case and values of the headers, repetitions included: cheaper than {@link headers}. */
  headerPairs(): Iterable<readonly [string, string]>;
  /**
   * Reads the body. Calls `done` once: with `message.incoming_too_long` as soon as more than `maxBytes` have arrived,
   * and with `gateway.body_consumed` if the body has been read before.
   */
  readBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void;
  /** Calls back when the client disconnects before it has its response; immediately if it already has. */
  onGone(callback: () => void): void;
  reply(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string | undefined,
  ): void;
  /**
   * The request as `onRequest` sees it, at another URL. Its body is a stream that fails with
   * `message.incoming_too_long` after `maxBytes`. Throws `gateway.method_not_allowed`, `gateway.body_consumed`, and
   * `message.incoming_too_long` if the declared length is too large.
   */
  request(url: string, signal: AbortSignal, maxBytes: number): Request;
  /** Sends a response whose body may be a stream; `headers` are added to its own. */
  replyWith(response: Response, headers: Readonly<Record<string, string>>): void;
}

/** What only requests between nodes have. */
export interface ForwardedExchange {
  /** The sender's revision of the leases. */
  readonly revision: number;
  /** False once a body has been read that the sender cannot send again. */
  readonly isRepeatable: boolean;
  /** This node, whose leases have this revision, does not serve the actor: nothing ran. */
  misdirect(revision: number): void;
}

/** The head of the request as hooks see it: created on demand, and shared by all of them. */
export function requestHead(exchange: Exchange): () => Request {
  let made: Request | undefined;
  return () => {
    const { method } = exchange;
    made ??= new Request(urlOf(exchange.header("host"), exchange.url), {
      method,
      headers: exchange.headers(),
    });
    return made;
  };
}

/** Concatenated as text: resolving against a base would treat `//other.host/` as a host. */
export function urlOf(host: string | undefined, path: string): string {
  return `http://${host ?? "localhost"}${path}`;
}

/**
 * The URL that an actor sees, with the origin that its caller named, if any. The path is that of the actual request,
 * so that a proxy that filters by path decides about what is served.
 */
export function actorUrl(exchange: Exchange, path: string): string {
  const origin = exchange.header(header.requestOrigin);
  return origin !== undefined && isOrigin(origin) ? `${origin}${path}` : urlOf(exchange.header("host"), path);
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Creates the request for user code. Throws `gateway.method_not_allowed` for CONNECT and TRACE. */
export function makeRequest(
  url: string,
  init: { method: string; headers: Headers; signal: AbortSignal; body: ReadableStream<Uint8Array> | null },
): Request {
  const hasBody = init.body !== null && init.method !== "GET" && init.method !== "HEAD";
  try {
    // Not every declaration of RequestInit has `duplex`, which a streamed body needs.
    const all = { ...init, body: hasBody ? init.body : null, duplex: "half" as const };
    return new Request(url, all);
  } catch (cause) {
    const message = `${init.method} cannot be handed to an actor`;
    throw new HoldfastError("gateway", "method_not_allowed", message, { cause });
  }
}

/** True if a response to `method` with this status has no body. */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || status === 204 || status === 205 || status === 304;
}

export function bodyTooLong(maxBytes: number): HoldfastError {
  return new HoldfastError("message", "incoming_too_long", `The body is longer than ${maxBytes} bytes`);
}

/** The error for a body that another server component has read. */
export function bodyConsumed(): HoldfastError {
  const message = "The body has been read already. Mount the registry before body parsers";
  return new HoldfastError("gateway", "body_consumed", message);
}

/** The encoding of the response: that of `accept`, otherwise that of the request. */
export function replyEncoding(exchange: Exchange): Encoding {
  const accept = exchange.header("accept");
  if (accept?.includes(contentType.cbor) === true) return "cbor";
  if (accept?.includes(contentType.json) === true) return "json";
  return exchange.header("content-type")?.startsWith(contentType.cbor) === true ? "cbor" : "json";
}

/** The encoding of the request's body. Throws `gateway.unsupported_content_type`. */
export function requestEncoding(exchange: Exchange): Encoding | undefined {
  const type = exchange.header("content-type");
  if (type === undefined) return undefined;
  if (type === contentType.cbor) return "cbor";
  if (/^application\/json\s*(;|$)/i.test(type)) return "json";
  const message = `Send a body of ${contentType.json} or ${contentType.cbor}`;
  throw new HoldfastError("gateway", "unsupported_content_type", message, { statusCode: 415 });
}

/**
 * The connection parameters of a request without a body, or with a body of user code. The encoding is detected: CBOR
 * is never valid JSON. Throws `message.malformed_*`, `message.params_too_long`.
 */
export function paramsOf(exchange: Exchange): unknown {
  const encoded = exchange.header(header.params);
  if (encoded === undefined) return undefined;
  const named = exchange.header(header.encoding);
  if (named === "json" || named === "cbor") return decodeParams(named, encoded);
  return decodeParams(safeEncoding(exchange), encoded);
}

function safeEncoding(exchange: Exchange): "json" | "cbor" {
  try {
    return requestEncoding(exchange) ?? "json";
  } catch {
    // The body belongs to user code and may be of any type.
    return "json";
  }
}

/** Sends an error: problem details (RFC 9457) in JSON, the wire fields and the status in CBOR. */
export function replyError(
  exchange: Exchange,
  error: HoldfastError,
  headers: Readonly<Record<string, string>>,
): void {
  const all = { ...headers, ...retryAfter(error) };
  if (replyEncoding(exchange) === "cbor") {
    const body = encode("cbor", { ...toWireError(error), status: error.statusCode });
    exchange.reply(error.statusCode, { ...all, "content-type": contentType.cbor }, body);
    return;
  }
  // `message` in addition to `detail`, as errors have it everywhere else.
  const body = encode("json", { ...toProblem(error), message: error.message });
  exchange.reply(error.statusCode, { ...all, "content-type": "application/problem+json" }, body);
}

/** For callers that are not ours, which do not look into the error. */
function retryAfter(error: HoldfastError): { readonly "retry-after"?: string } {
  return isErrorCode(error, "server", "busy") ? { "retry-after": "1" } : {};
}

/** Reduces a thrown value to what the caller may see; the details go to the log. */
export function visibleError(error: unknown, ports: Ports): HoldfastError {
  return sanitizeError(error, uuidv4(ports.random), (errorId, full) => {
    ports.log.error("internal error", { errorId, error: full });
  });
}
