import { type Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HoldfastError } from "@holdfast/core";
import type { PresentedCredential } from "../../vault/credential-vault.ts";
import type { KnownSecrets } from "../../vault/redaction/known-secrets.ts";
import type { CheckedUpstream } from "../decisions/upstreams.ts";
import type { EgressLimits } from "../egress-limits.ts";
import type { CallProgress } from "../metering/model-request.ts";
import { createMeter, type MeteredTokens, type UsageMeter } from "../metering/usage-meter.ts";
import { fixedLookup } from "../tunnels/tunnel-connection.ts";
import { forwardedRequestHeaders, forwardedResponseHeaders } from "./http-headers.ts";
import { relay } from "./relay.ts";
import { TextReplacer } from "./replace-text.ts";
import { isRepeatable, type UpstreamConnections } from "./upstream-connections.ts";

export interface ForwardTask {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upstream: CheckedUpstream;
  readonly path: string;
  readonly query: string;
  readonly credential: PresentedCredential;
  readonly secrets: KnownSecrets;
  readonly signal: AbortSignal;
  readonly limits: EgressLimits;
  /** The body, or its beginning, if it was read in advance; otherwise it is streamed. */
  readonly body?: Buffer | Readable;
  readonly connections: UpstreamConnections;
  /** Checked addresses to dial instead of resolving the name again. */
  readonly addresses?: readonly string[];
  readonly progress: ForwardProgress;
  /** True in a tunnel: the jail uses the upstream's own address, so answers keep it. */
  readonly tunnelled: boolean;
  /** For an allowed host: the proxy path of a redirect target, or undefined where the jail may not follow it. */
  readonly redirect?: (target: URL) => string | undefined;
}

/** Counters of one forwarded request, valid also after a failure. */
export class ForwardProgress implements CallProgress {
  status: number | undefined;
  bytesOut = 0;
  bytesIn = 0;
  connected = false;
  streamed = false;
  complete = false;
  #meter: UsageMeter | undefined;
  #tokens: MeteredTokens | undefined;

  meter(meter: UsageMeter | undefined): void {
    this.#meter = meter;
  }

  /** The token usage that the answer has reported so far. */
  tokens(): MeteredTokens | undefined {
    this.#tokens ??= this.#meter?.end();
    return this.#tokens;
  }
}

function upstreamError(code: string, status: number, message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("egress", code, message, {
    statusCode: status,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Sends an admitted request to its upstream and streams the answer back, with backpressure both ways. */
export async function forward(task: ForwardTask): Promise<void> {
  const { response, secrets, progress, upstream } = task;
  const sent = new ByteLimit(task.limits.maxRequestBytes, (bytes) => {
    progress.bytesOut += bytes;
  });
  const answer = await send(task, sent);
  const status = answer.statusCode ?? 502;
  const type = answer.headers["content-type"] ?? "";
  progress.status = status;
  progress.streamed = /^text\/event-stream\b/i.test(type);
  const headers = forwardedResponseHeaders(answer.headers);
  const location = checkAnswer(task, answer);
  if (location !== undefined) headers["location"] = location;
  const meter = createMeter(upstream.provider, type);
  progress.meter(meter);
  response.writeHead(status, redactHeaders(headers, secrets));
  response.flushHeaders();
  const rewrite = rewriteOf(task, type);
  const observe = (chunk: Buffer) => {
    progress.bytesIn += chunk.length;
    meter?.push(chunk);
  };
  const source = rewrite === undefined ? answer : rewrite;
  if (rewrite !== undefined) pipeline(answer, rewrite).catch(() => {});
  await relay(source, response, secrets.scanner(), observe).catch((cause) => {
    answer.destroy();
    throw upstreamError("upstream_interrupted", 502, "The answer of the upstream was cut off", cause);
  });
  progress.complete = true;
}

/** For a registry: replaces its address in answers by the address of the proxy that the jail used. */
function rewriteOf({ upstream, request, tunnelled }: ForwardTask, type: string): Transform | undefined {
  if (tunnelled || upstream.kind !== "npm" || !/json\b/i.test(type)) return undefined;
  const host = request.headers.host ?? "";
  if (!/^[\w.[\]:-]{1,260}$/.test(host)) return undefined;
  const proxyUrl = `http://${host}/${upstream.name}`;
  const { host: upstreamHost } = upstream.base;
  return new TextReplacer(
    ["https", "http"].map((scheme) => [`${scheme}://${upstreamHost}${upstream.basePath}/`, `${proxyUrl}/`]),
  );
}

function redactHeaders(headers: Record<string, string | string[]>, secrets: KnownSecrets) {
  const clean: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (secrets.matcher.find(name).length > 0) continue;
    clean[name] = Array.isArray(value) ? value.map((each) => secrets.redact(each)) : secrets.redact(value);
  }
  return clean;
}

/** Refuses answers that cannot be passed on; gives the rewritten location of a redirect that is allowed. */
function checkAnswer(
  { upstream, path, redirect, tunnelled }: ForwardTask,
  answer: IncomingMessage,
): string | undefined {
  const encoding = answer.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    answer.destroy();
    throw upstreamError(
      "encoded_answer",
      502,
      "The upstream compressed its answer though it was asked not to",
    );
  }
  const location = answer.headers.location;
  if (location === undefined) return undefined;
  const asked = new URL(`${upstream.basePath}${path}`, upstream.base);
  const target = URL.canParse(location, asked.href) ? new URL(location, asked) : undefined;
  const rewritten = target === undefined ? undefined : redirect?.(target);
  if (target !== undefined && rewritten !== undefined) return tunnelled ? target.href : rewritten;
  const inside =
    target?.origin === upstream.base.origin &&
    target.pathname.startsWith(`${upstream.basePath}/`) &&
    target.username === "";
  if (!target || !inside) {
    answer.destroy();
    throw upstreamError(
      "redirect_refused",
      502,
      "The upstream redirects to an address that the rules do not allow",
    );
  }
  if (tunnelled) return target.href;
  return `/${upstream.name}${target.pathname.slice(upstream.basePath.length)}${target.search}`;
}

function requestHeaders({ request, credential, upstream, body }: ForwardTask) {
  const presents = Object.keys(credential.headers).length > 0;
  const headers = forwardedRequestHeaders(request.headers, { credential: presents });
  for (const [name, value] of Object.entries(credential.headers)) headers[name] = value;
  for (const [name, value] of Object.entries(credential.appended ?? {})) {
    const present = headers[name];
    headers[name] = present === undefined ? value : `${present},${value}`;
  }
  headers["host"] = upstream.base.host;
  headers["accept-encoding"] = "identity";
  const length = request.headers["content-length"];
  if (Buffer.isBuffer(body)) headers["content-length"] = String(body.length);
  else if (length !== undefined) headers["content-length"] = length;
  else if (request.headers["transfer-encoding"] !== undefined) headers["transfer-encoding"] = "chunked";
  return headers;
}

/** A pooled connection was closed before the answer began. */
const stale = new Error("The pooled connection was closed");

/** Resolves with the head of the answer. Retries once on a fresh connection where a pooled one was closed. */
function send(task: ForwardTask, sent: ByteLimit): Promise<IncomingMessage> {
  const { pooled, fresh } = task.connections.agents(task.upstream.base.protocol);
  if (task.body !== undefined || !isRepeatable(task.request)) return sendOver(fresh, task, sent);
  return sendOver(pooled, task).catch((error: unknown) =>
    error === stale ? sendOver(fresh, task) : Promise.reject(error),
  );
}

/** Without `sent` the request has no body. */
function sendOver(agent: Agent, task: ForwardTask, sent?: ByteLimit): Promise<IncomingMessage> {
  const { upstream, request, response, path, query, signal, addresses } = task;
  return new Promise((resolve, reject) => {
    // A client that left while the request was recorded emits no second close event.
    if (response.destroyed || request.socket.destroyed) {
      reject(upstreamError("client_gone", 499, "The client left before its request was sent"));
      return;
    }
    const startRequest = upstream.base.protocol === "https:" ? httpsRequest : httpRequest;
    const options = {
      host: upstream.base.hostname.replace(/^\[|\]$/g, ""),
      port: upstream.base.port === "" ? undefined : Number(upstream.base.port),
      method: request.method,
      path: `${upstream.basePath}${path}${query}`,
      headers: requestHeaders(task),
      agent,
      signal,
      timeout: task.limits.upstreamIdleMs,
      ...(addresses === undefined ? {} : { addresses, lookup: fixedLookup(addresses) }),
    };
    const outgoing = startRequest(options);
    outgoing.once("socket", (socket) => {
      const connected = () => {
        task.progress.connected = true;
      };
      if (outgoing.reusedSocket) connected();
      else socket.once(upstream.base.protocol === "https:" ? "secureConnect" : "connect", connected);
    });
    const fail = (error: HoldfastError) => {
      outgoing.destroy();
      reject(error);
    };
    outgoing.once("timeout", () =>
      fail(upstreamError("upstream_timed_out", 504, "The upstream did not respond in time")),
    );
    outgoing.once("response", resolve);
    outgoing.on("error", (cause) => {
      const abandoned = response.destroyed || signal.aborted;
      reject(outgoing.reusedSocket && !abandoned && isClosed(cause) ? stale : unreachable(upstream, cause));
    });
    outgoing.once("upgrade", (_answer, socket) => {
      socket.destroy();
      fail(upstreamError("upstream_upgraded", 502, "The upstream tried to change the protocol"));
    });
    // A client that goes away takes its request with it.
    response.once("close", () => {
      if (!response.writableFinished) outgoing.destroy();
    });
    if (sent === undefined) {
      outgoing.end();
      return;
    }
    if (request.headers.expect !== undefined && task.body === undefined) response.writeContinue();
    const body = Buffer.isBuffer(task.body) ? Readable.from([task.body]) : (task.body ?? request);
    pipeline(body, sent, outgoing).catch((error: unknown) => {
      if (error instanceof HoldfastError) fail(error);
    });
  });
}

function isClosed(cause: Error): boolean {
  const { code } = cause as NodeJS.ErrnoException;
  return code === "ECONNRESET" || code === "EPIPE";
}

function unreachable(upstream: CheckedUpstream, cause: Error): HoldfastError {
  const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
  return upstreamError("upstream_unreachable", 502, `${upstream.name} cannot be reached (${code})`, cause);
}

/** Counts the bytes that pass, and fails above a bound. */
class ByteLimit extends Transform {
  #bytes = 0;
  readonly #maxBytes: number;
  readonly #onBytes: (bytes: number) => void;

  constructor(maxBytes: number, onBytes: (bytes: number) => void) {
    super();
    this.#maxBytes = maxBytes;
    this.#onBytes = onBytes;
  }

  override _transform(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null, data?: Buffer) => void,
  ) {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      done(upstreamError("request_too_large", 413, `A request holds at most ${this.#maxBytes} bytes`));
      return;
    }
    this.#onBytes(chunk.length);
    done(null, chunk);
  }
}
