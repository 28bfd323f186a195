import { HoldfastError } from "@holdfast/core";
import type { ClientConfig, Endpoint } from "../config.ts";
import type { ActorTarget, DriverFetch, DriverWebSocket } from "../driver.ts";
import { BufferedWebSocket, type RawTransport } from "../raw/raw-socket.ts";
import { actorPath } from "./address.ts";
import {
  type Encoding,
  encodeParams,
  encodingPrefix,
  header,
  paramsPrefix,
  subprotocol,
  tokenPrefix,
} from "./wire.ts";

/** Raw requests and WebSockets over the network: docs/reference/wire.md. */
export class RawNetwork {
  readonly #config: ClientConfig;
  readonly #endpoint: Endpoint;
  readonly #encoding: Encoding;

  constructor(config: ClientConfig, endpoint: Endpoint, encoding: Encoding) {
    this.#config = config;
    this.#endpoint = endpoint;
    this.#encoding = encoding;
  }

  url(target: ActorTarget): string {
    return `${this.#endpoint.base}${actorPath(target, true)}`;
  }

  async fetch(request: DriverFetch): Promise<Response> {
    const { init, origin, params, signal, skipReadyWait } = request;
    const headers = new Headers(this.#config.headers);
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    // A handler that forwards its own request brings the origin of that request.
    headers.delete(header.requestOrigin);
    if (origin !== undefined) headers.set(header.requestOrigin, origin);
    if (this.#endpoint.token !== undefined) headers.set(header.token, this.#endpoint.token);
    if (params !== undefined) {
      headers.set(header.params, encodeParams(this.#encoding, params));
      headers.set(header.encoding, this.#encoding);
    }
    if (skipReadyWait ?? this.#config.gateway?.skipReadyWait) headers.set(header.skipReadyWait, "true");
    // Required for a body that is a stream: https://fetch.spec.whatwg.org/#request-class.
    const duplex = init.body instanceof ReadableStream ? { duplex: "half" as const } : {};
    const all: RequestInit = { ...init, ...duplex, headers, ...(signal === undefined ? {} : { signal }) };
    const url = `${this.url(request.target)}/request${request.path}`;
    try {
      return await (this.#config.fetch ?? globalThis.fetch)(url, all);
    } catch (cause) {
      signal?.throwIfAborted();
      const message = `The server at ${this.#endpoint.base} cannot be reached`;
      throw new HoldfastError("client", "network_error", message, { cause });
    }
  }

  webSocket(request: DriverWebSocket): BufferedWebSocket {
    const { params, protocols, path, skipReadyWait } = request;
    const own: string[] = [];
    const { token } = this.#endpoint;
    if (token !== undefined) own.push(`${tokenPrefix}${base64urlText(token)}`);
    if (params !== undefined) {
      own.push(`${encodingPrefix}${this.#encoding}`);
      own.push(`${paramsPrefix}${encodeParams(this.#encoding, params)}`);
    }
    if (skipReadyWait ?? this.#config.gateway?.skipReadyWait) own.push("holdfast.skip-ready-wait");
    // The server must select one of the offered subprotocols, so this one is always offered.
    if (own.length > 0) own.unshift(subprotocol);
    const url = `${this.url(request.target)}/websocket${path}`.replace(/^http/, "ws");
    const Socket = this.#config.WebSocket ?? globalThis.WebSocket;
    if (Socket === undefined) {
      const message = "This runtime has no global WebSocket; pass one as `WebSocket` to createClient";
      throw new HoldfastError("client", "websocket_unavailable", message);
    }
    return bufferSocket(new Socket(url, [...own, ...protocols]), url);
  }
}

/** Adapts a standard WebSocket to one that buffers events until there is a listener. */
function bufferSocket(socket: WebSocket, url: string): BufferedWebSocket {
  socket.binaryType = "arraybuffer";
  const buffered = new BufferedWebSocket({ url, clientCloseCodesOnly: true });
  const transport: RawTransport = {
    send: (data) => socket.send(data),
    close: (code, reason) => (code === undefined ? socket.close() : socket.close(code, reason)),
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
  };
  buffered.onAborted = () => socket.close();
  socket.onopen = () => {
    const { protocol } = socket;
    buffered.onOpened(transport, protocol.startsWith("holdfast.") ? "" : protocol);
  };
  socket.onmessage = ({ data }) => {
    buffered.onReceived(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
  };
  socket.onerror = (event) => {
    const cause = "error" in event ? event.error : undefined;
    buffered.onFailed(cause ?? new Error("The WebSocket failed"));
  };
  socket.onclose = ({ code, reason, wasClean }) => buffered.onClosed(code, reason, wasClean);
  return buffered;
}

/** Encodes the UTF-8 of a text as base64url, which a subprotocol can carry. */
export function base64urlText(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
