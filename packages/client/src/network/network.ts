/** HTTP and WebSocket transport: addresses, frames, streams. */
import { fromWireError, HoldfastError, limits } from "@holdfast/core";
import { type ClientConfig, readEndpoint } from "../config.ts";
import type {
  ActorTarget,
  ClientDriver,
  ClientFrame,
  DriverCall,
  DriverConnection,
  DriverCreate,
  DriverFetch,
  DriverListener,
  DriverSend,
  DriverSendReply,
  DriverWebSocket,
  PreparedFrame,
  ResumePoint,
  SendContent,
} from "../driver.ts";
import { definedFields, sendReply } from "../internal/send-content.ts";
import { openSocket } from "../internal/socket.ts";
import { traced } from "../internal/tracing.ts";
import { filterQuery, type ListActorsOptions, type ManageRequest } from "../management.ts";
import type { BufferedWebSocket } from "../raw/raw-socket.ts";
import { actorPath } from "./address.ts";
import { encodeEarlyEvents, eventsPrefix } from "./early-events.ts";
import { base64urlText, RawNetwork } from "./raw-network.ts";
import { SocketEndpoint } from "./socket-endpoint.ts";
import { readStreamBody, streamContentType } from "./stream-body.ts";
import {
  contentType,
  decode,
  type Encoding,
  encode,
  encodeCallerValue,
  encodeParams,
  encodingPrefix,
  header,
  paramsPrefix,
  prepareClientFrame,
  resumePrefix,
  subprotocol,
  tokenPrefix,
  trustedDepth,
} from "./wire.ts";

/** Driver for docs/reference/wire.md over HTTP and WebSocket. */
export function createNetworkDriver(config: ClientConfig): ClientDriver {
  return new NetworkDriver(config);
}

class NetworkDriver implements ClientDriver {
  readonly keepsOrder = false;
  readonly sendsOverConnections = true;
  readonly #base: string;
  readonly #encoding: Encoding;
  readonly #config: ClientConfig;
  readonly #maxBytes: number;
  readonly #token: string | undefined;
  readonly #credentials: Readonly<Record<string, string>>;
  readonly #raw: RawNetwork;
  readonly #socketEndpoint: SocketEndpoint;

  constructor(config: ClientConfig) {
    const endpoint = readEndpoint(config);
    this.#base = endpoint.base;
    this.#token = endpoint.token;
    this.#credentials = endpoint.token === undefined ? {} : { [header.token]: endpoint.token };
    this.#encoding = config.encoding === "json" ? "json" : "cbor";
    this.#raw = new RawNetwork(config, endpoint, this.#encoding);
    this.#config = config;
    this.#socketEndpoint = new SocketEndpoint(endpoint.base, (url) =>
      (config.fetch ?? globalThis.fetch)(url, { headers: { ...config.headers, ...this.#credentials } }),
    );
    this.#maxBytes = config.maxMessageBytes ?? limits.maxIncomingMessageBytes;
  }

  prepareArgs(args: readonly unknown[]): PreparedFrame {
    const data = encodeCallerValue(this.#encoding, { args });
    const size = typeof data === "string" ? new TextEncoder().encode(data).length : data.length;
    if (size > this.#maxBytes) throw tooLong(this.#maxBytes);
    return { data, size };
  }

  call(call: DriverCall): Promise<unknown> {
    const { name } = call.target;
    const attributes = { "actor.name": name, "rpc.method": call.action };
    return traced(`${name}.${call.action}`, attributes, (trace) => this.#call(call, trace));
  }

  async #call(call: DriverCall, trace: Readonly<Record<string, string>>): Promise<unknown> {
    const { target } = call;
    const url = `${this.#url(target)}/actions/${encodeURIComponent(call.action)}`;
    const query = target.type === "getOrCreate" ? "?create=true" : "";
    const headers: Record<string, string> = { ...trace, [header.idempotencyKey]: call.idempotencyKey };
    if (call.params !== undefined) headers[header.params] = encodeParams(this.#encoding, call.params);
    const cancel = (): void => this.#cancel(target, call.idempotencyKey);
    try {
      const response = await this.#send("POST", url + query, call.args.data, headers, call.signal);
      const { body } = response;
      const type = response.headers.get("content-type");
      if (response.ok && body !== null && type === streamContentType[this.#encoding]) {
        return readStreamBody(this.#encoding, body, cancel, call.signal);
      }
      return (await this.#read(response, call.signal))["output"];
    } catch (error) {
      if (call.signal?.aborted === true) cancel();
      throw error;
    }
  }

  prepareSend(content: SendContent): PreparedFrame {
    const data = encodeCallerValue(this.#encoding, definedFields(content));
    return { data, size: data.length };
  }

  send(send: DriverSend): Promise<DriverSendReply> {
    const { name } = send.target;
    const attributes = { "actor.name": name, "messaging.destination.name": send.queue };
    return traced(`${name}.queue.${send.queue}`, attributes, (trace) => this.#sendMessage(send, trace));
  }

  async #sendMessage(send: DriverSend, trace: Readonly<Record<string, string>>): Promise<DriverSendReply> {
    const { target, queue, content, params, idempotencyKey, signal } = send;
    const query = target.type === "getOrCreate" ? "?create=true" : "";
    const url = `${this.#url(target)}/queues/${encodeURIComponent(queue)}${query}`;
    const headers: Record<string, string> = { ...trace, [header.idempotencyKey]: idempotencyKey };
    if (params !== undefined) headers[header.params] = encodeParams(this.#encoding, params);
    return sendReply(await this.#request("POST", url, content.data, headers, signal));
  }

  /** A keyed call outlives its socket, so that a retry can join it. Cancelling it takes a request. */
  #cancel(target: ActorTarget, idempotencyKey: string): void {
    const url = `${this.#url(target)}/calls/${encodeURIComponent(idempotencyKey)}`;
    // The result is ignored: the caller was rejected already.
    void this.#request("DELETE", url, undefined, {}, undefined).catch(() => undefined);
  }

  async resolve(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<string> {
    const url = this.#url(target);
    const headers = this.#paramHeaders(params);
    if (target.type !== "getOrCreate") {
      return idOf(await this.#request("GET", url, undefined, headers, signal));
    }
    const body = target.input === undefined ? {} : { input: target.input };
    return idOf(
      await this.#request(
        "PUT",
        `${url}${placeQuery(target.place)}`,
        encode(this.#encoding, body),
        headers,
        signal,
      ),
    );
  }

  /** Headers for the parameters of a request. They name their own encoding, as the request may have no body. */
  #paramHeaders(params: unknown): Record<string, string> {
    if (params === undefined) return {};
    return {
      [header.params]: encodeParams(this.#encoding, params),
      [header.encoding]: this.#encoding,
    };
  }

  async create(request: DriverCreate): Promise<string> {
    const address = this.#url({ type: "get", name: request.name, key: request.key });
    const url = `${address}${placeQuery(request.place)}`;
    const body = request.input === undefined ? {} : { input: request.input };
    const headers = {
      ...this.#paramHeaders(request.params),
      [header.idempotencyKey]: request.idempotencyKey,
    };
    return idOf(await this.#request("POST", url, encode(this.#encoding, body), headers, request.signal));
  }

  prepare(frame: ClientFrame): PreparedFrame {
    const prepared = prepareClientFrame(this.#encoding, frame);
    if (prepared.size + 1 > this.#maxBytes) throw tooLong(this.#maxBytes);
    return prepared;
  }

  connect(
    target: ActorTarget,
    params: unknown,
    listener: DriverListener,
    resume?: ResumePoint,
    events: readonly string[] = [],
  ): DriverConnection {
    const query = target.type === "getOrCreate" ? "?create=true" : "";
    const url = `${this.#socketEndpoint.base}${actorPath(target)}/connect${query}`.replace(/^http/, "ws");
    const protocols = [subprotocol, encodingPrefix + this.#encoding];
    if (params !== undefined) protocols.push(paramsPrefix + encodeParams(this.#encoding, params));
    if (this.#token !== undefined) protocols.push(tokenPrefix + base64urlText(this.#token));
    if (resume !== undefined) protocols.push(`${resumePrefix}${resume.token}.${resume.received}`);
    if (events.length > 0) protocols.push(eventsPrefix + encodeEarlyEvents(events));
    const Socket = this.#config.WebSocket ?? globalThis.WebSocket;
    if (Socket === undefined) {
      const message = "This runtime has no global WebSocket; pass one as `WebSocket` to createClient";
      throw new HoldfastError("client", "no_websocket", message);
    }
    return openSocket({
      Socket,
      url,
      protocols,
      encoding: this.#encoding,
      maxBytes: this.#maxBytes,
      listener: this.#config.disableMetadataLookup === true ? listener : this.#withEndpointLookup(listener),
    });
  }

  /** Wraps a listener to look up another endpoint when this one refuses WebSockets. */
  #withEndpointLookup(listener: DriverListener): DriverListener {
    let isOpen = false;
    return {
      ...listener,
      frame: (frame) => {
        isOpen = true;
        listener.frame(frame);
      },
      closed: (reason) => {
        if (!isOpen && !reason.final) this.#socketEndpoint.socketRejected();
        listener.closed(reason);
      },
    };
  }

  fetch(request: DriverFetch): Promise<Response> {
    return this.#raw.fetch(request);
  }

  webSocket(request: DriverWebSocket): BufferedWebSocket {
    return this.#raw.webSocket(request);
  }

  gatewayUrl(target: ActorTarget): string {
    return this.#raw.url(target);
  }

  async reload(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<void> {
    const headers = this.#paramHeaders(params);
    const response = await this.#send("PUT", `${this.#url(target)}/reload`, undefined, headers, signal);
    if (!response.ok) await this.#read(response, signal);
  }

  async manage(request: ManageRequest, signal: AbortSignal | undefined): Promise<unknown> {
    const { name } = request;
    switch (request.type) {
      case "list":
        return this.#request("GET", this.#manageUrl("", name, request.options), undefined, {}, signal);
      case "count": {
        const url = this.#manageUrl("/count", name, request.options);
        return (await this.#request("GET", url, undefined, {}, signal))["count"];
      }
      case "destroyMany":
        return this.#request("DELETE", this.#manageUrl("", name, request.options), undefined, {}, signal);
      case "destroy": {
        const url = this.#url({ type: "get", name, key: request.key });
        const response = await this.#send("DELETE", url, undefined, {}, signal);
        if (!response.ok) await this.#read(response, signal);
        return undefined;
      }
    }
  }

  #manageUrl(path: string, name: string, options: ListActorsOptions): string {
    return `${this.#base}/actors${path}?${filterQuery(name, options)}`;
  }

  async dispose(): Promise<void> {}

  #url(target: ActorTarget): string {
    return `${this.#base}${actorPath(target)}`;
  }

  async #request(
    method: string,
    url: string,
    body: Uint8Array | string | undefined,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Readonly<Record<string, unknown>>> {
    return this.#read(await this.#send(method, url, body, headers, signal), signal);
  }

  async #send(
    method: string,
    url: string,
    body: Uint8Array | string | undefined,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const type = contentType[this.#encoding];
    const all = { ...this.#config.headers, ...this.#credentials, ...headers, accept: type };
    const init: RequestInit = { method, headers: all };
    if (signal !== undefined) init.signal = signal;
    if (body !== undefined) {
      init.headers = { ...all, "content-type": type };
      // Safe cast: the encoder never uses a SharedArrayBuffer.
      init.body = body as Uint8Array<ArrayBuffer> | string;
    }
    try {
      return await (this.#config.fetch ?? globalThis.fetch)(url, init);
    } catch (cause) {
      signal?.throwIfAborted();
      checkHeaders(all);
      throw networkError(`The server at ${this.#base} cannot be reached`, cause);
    }
  }

  async #read(
    response: Response,
    signal: AbortSignal | undefined,
  ): Promise<Readonly<Record<string, unknown>>> {
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      signal?.throwIfAborted();
      throw networkError(`The server at ${this.#base} cannot be reached`, cause);
    }
    if (!response.ok) throw readError(response, bytes);
    return record(decode(encodingOf(response), bytes, trustedDepth));
  }
}

/** Error of a response: wire fields in CBOR, problem details (RFC 9457) in JSON. */
function readError(response: Response, bytes: Uint8Array): HoldfastError {
  const type = response.headers.get("content-type") ?? "";
  if (!type.includes("json") && !type.includes("cbor")) {
    // A proxy's own error page: the server behind it may be restarting.
    if (response.status >= 502 && response.status <= 504) {
      return networkError(`A proxy answered with ${response.status}`);
    }
    return new HoldfastError("message", "malformed_error", `The server answered ${response.status}`);
  }
  try {
    const body = record(decode(encodingOf(response), bytes, trustedDepth));
    return fromWireError({ ...body, message: body["message"] ?? body["detail"] }, response.status);
  } catch {
    return new HoldfastError("message", "malformed_error", `The server answered ${response.status}`);
  }
}

function encodingOf(response: Response): Encoding {
  return response.headers.get("content-type")?.includes("cbor") === true ? "cbor" : "json";
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  throw new HoldfastError("message", "malformed_response", "The server's reply is not an object");
}

function placeQuery(place: string | undefined): string {
  return place === undefined ? "" : `?${place}`;
}

function idOf(reply: Readonly<Record<string, unknown>>): string {
  const id = reply["id"];
  if (typeof id === "string") return id;
  throw new HoldfastError("message", "malformed_response", "The server's reply has no id");
}

function networkError(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("client", "network_error", message, cause === undefined ? {} : { cause });
}

/**
 * Rejects headers that no request can carry: `fetch` would report a network error, and retries would fail alike. The
 * message omits the value, which may be a secret. Throws `client.invalid_header`.
 */
function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const sent = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    try {
      sent.set(name, value);
    } catch {
      const message = `The header "${name}" cannot be sent: HTTP does not allow its name or its value`;
      throw new HoldfastError("client", "invalid_header", message);
    }
  }
}

function tooLong(maxBytes: number): HoldfastError {
  const message = `The message is longer than ${maxBytes} bytes`;
  return new HoldfastError("message", "incoming_too_long", message);
}
