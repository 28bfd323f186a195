import type { OutgoingEvent } from "@holdfast/actors";
import { type ActorTarget, decodeParams, header, type ResumeInfo, trustedDepth } from "@holdfast/client";
import { decodeValue, encodeJson, HoldfastError, type Timer, type WireError } from "@holdfast/core";
import { serverLimits } from "../limits.ts";
import { Session } from "../sessions/session.ts";
import { tooManySubscriptions } from "../sessions/session-errors.ts";
import type { SessionOutput } from "../sessions/types.ts";
import { onAccessChange } from "./access-info.ts";
import { authenticate } from "./auth.ts";
import type { Exchange } from "./http/exchange.ts";
import { resumePointOf } from "./resume-point.ts";
import type { RouteHost } from "./route-host.ts";

interface EventsRequest {
  readonly target: ActorTarget;
  /** The requested events. */
  readonly events: readonly string[];
}

/**
 * `GET .../events`: a connection as server-sent events (WHATWG HTML, section 9.2). It receives events; calls go over
 * HTTP. Throws `gateway.malformed_path`, `conn.too_many_subscriptions`.
 */
export function serveEvents(
  gateway: RouteHost,
  exchange: Exchange,
  { target, events }: EventsRequest,
  headers: Readonly<Record<string, string>>,
  until?: AbortSignal,
): void {
  if (events.length === 0) {
    const message = "No events are requested. Name them with ?event=name, once per event";
    throw new HoldfastError("gateway", "malformed_path", message, { statusCode: 400 });
  }
  const names = new Set(events);
  if (names.size > serverLimits.maxSubscriptions) throw tooManySubscriptions();
  const encoded = exchange.header(header.params);
  const params = encoded === undefined ? undefined : decodeParams("json", encoded);
  const request = new Request(`http://${exchange.header("host") ?? "localhost"}${exchange.url}`, {
    headers: exchange.headers(),
  });
  const { directory } = gateway;
  const open = (auth: unknown): void => {
    const lastEventId = exchange.header("last-event-id");
    const output = new EventStream(gateway, exchange, headers, until);
    const session = new Session({
      directory,
      target,
      params,
      auth,
      request,
      output,
      maxOutgoingBytes: gateway.maxOutgoingBytes,
      resume: lastEventId === undefined ? undefined : resumePointOf(lastEventId),
      events: [...names],
    });
    output.attach(session);
    const interval = directory.optionsOf(target.name)?.connectionLivenessInterval;
    // Without pings, proxies on the way still need a keep-alive.
    output.watch(interval === undefined || interval === 0 ? serverLimits.heartbeatMs : interval);
  };
  const question = { intents: ["connect"], target, params, request: () => request } as const;
  authenticate(gateway, question, open, (error) => gateway.fail(exchange, error, headers));
}

/** Writes a connection as server-sent events. If it is refused before it is open, the response is an HTTP error. */
class EventStream implements SessionOutput {
  readonly #gateway: RouteHost;
  readonly #exchange: Exchange;
  readonly #headers: Readonly<Record<string, string>>;
  #session: Session | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #token = "";
  #refusal: WireError | undefined;
  #timer: Timer | undefined;
  #ended = false;
  readonly #unwatch: () => void;

  constructor(
    gateway: RouteHost,
    exchange: Exchange,
    headers: Readonly<Record<string, string>>,
    until: AbortSignal | undefined,
  ) {
    this.#gateway = gateway;
    this.#exchange = exchange;
    this.#headers = headers;
    this.#unwatch = onAccessChange(until, (code, reason) => {
      this.close(code, reason);
      this.#session?.lose();
    });
  }

  attach(session: Session): void {
    this.#session = session;
    this.#exchange.onGone(() => this.#gone());
  }

  /** Comments at intervals keep proxies from closing the stream, and detect a lost peer. */
  watch(intervalMs: number): void {
    if (this.#ended) return;
    this.#timer = this.#gateway.directory.ports.tasks.after(intervalMs, () => {
      this.#write(":\n\n");
      this.watch(intervalMs);
    });
  }

  init(actorId: string, connId: string, { token, received, resumed }: ResumeInfo): void {
    this.#token = token;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        cancel: () => this.#gone(),
      },
      { highWaterMark: serverLimits.maxSendBufferBytes, size: (chunk) => chunk?.length ?? 0 },
    );
    const type = { "content-type": "text/event-stream", "cache-control": "no-store" };
    this.#exchange.replyWith(new Response(body, { headers: type }), this.#headers);
    const data = encodeJson({ actorId, connId, resumed });
    this.#write(`retry: 1000\nid: ${token}.${received}\nevent: $open\ndata: ${data}\n\n`);
  }

  event(event: OutgoingEvent, number: number): void {
    const name = /[\r\n]/.test(event.name) ? "message" : event.name;
    const data = encodeJson(decodeValue(event.args, { maxDepth: trustedDepth }));
    this.#write(`id: ${this.#token}.${number}\nevent: ${name}\ndata: ${data}\n\n`);
  }

  error(_id: number | undefined, error: WireError): void {
    this.#refusal = error;
  }

  close(code: number, reason: string): void {
    if (this.#ended) return;
    if (this.#controller === undefined) {
      const { group, code: name, message, metadata } = this.#refusal ?? reasonOf(reason);
      const error = new HoldfastError(group, name, message, metadata === undefined ? {} : { metadata });
      this.#end();
      this.#gateway.fail(this.#exchange, error, this.#headers);
      return;
    }
    this.#write(`event: $close\ndata: ${encodeJson({ code, reason })}\n\n`);
    // The write may have exceeded the limit, which ends the stream.
    if (this.#ended) return;
    this.#end();
    this.#controller.close();
  }

  // There are no calls over a stream.
  result(): void {}
  stream(): void {}
  chunk(): void {}
  pong(): void {}

  #write(text: string): void {
    if (this.#ended || this.#controller === undefined) return;
    this.#controller.enqueue(textEncoder.encode(text));
    if ((this.#controller.desiredSize ?? 0) > 0) return;
    // The client reads too slowly; missed events are kept for a while, in case it reconnects.
    this.#end();
    this.#controller.error(new HoldfastError("conn", "too_slow", "The events are read too slowly"));
    this.#session?.lose();
  }

  #gone(): void {
    if (this.#ended) return;
    this.#end();
    this.#session?.lose();
  }

  #end(): void {
    this.#ended = true;
    this.#unwatch();
    this.#timer?.cancel();
  }
}

const textEncoder = new TextEncoder();

function reasonOf(reason: string): WireError {
  const [group = "conn", code = "closed"] = reason.split(".");
  return { group, code, message: `The connection was closed (${reason})` };
}
