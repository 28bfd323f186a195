/**
 * WebSocket of user code at either end of a raw connection. It implements the standard interface
 * (https://websockets.spec.whatwg.org/), with one difference: events of a type are buffered until its first listener,
 * so that none is lost between opening and listening.
 */

export interface RawOpenEvent {
  readonly type: "open";
  readonly target: RawWebSocket;
  readonly currentTarget: RawWebSocket;
}

/** Like the standard `MessageEvent`. */
export interface RawMessageEvent {
  readonly type: "message";
  readonly target: RawWebSocket;
  readonly currentTarget: RawWebSocket;
  /** Text as a string, binary data as an ArrayBuffer (or a Blob, by `binaryType`). */
  // biome-ignore lint/suspicious/noExplicitAny: as in the standard, so that handlers of both kinds fit.
  readonly data: any;
  /** The number of the message on this socket, from 1. */
  readonly rivetMessageIndex: number;
}

/** Like the standard `CloseEvent`. */
export interface RawCloseEvent {
  readonly type: "close";
  readonly target: RawWebSocket;
  readonly currentTarget: RawWebSocket;
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** Like the standard `ErrorEvent`. */
export interface RawErrorEvent {
  readonly type: "error";
  readonly target: RawWebSocket;
  readonly currentTarget: RawWebSocket;
  readonly message: string;
  readonly error: unknown;
}

export interface RawWebSocketEvents {
  readonly open: RawOpenEvent;
  readonly message: RawMessageEvent;
  readonly close: RawCloseEvent;
  readonly error: RawErrorEvent;
}

/** Event listener. When it is asynchronous, the actor's side stays awake until its promise settles. */
export type RawListener<Event> = {
  // Method parameters are bivariant: a handler written for the standard `MessageEvent` is assignable.
  handle(event: Event): unknown;
}["handle"];

/** A function, or an object with `handleEvent`. */
export type RawEventListener<Event> = RawListener<Event> | { readonly handleEvent: RawListener<Event> };

export interface RawListenerOptions {
  readonly once?: boolean;
  readonly signal?: AbortSignal;
}

/** Data that a WebSocket can send. */
export type RawData = string | ArrayBuffer | ArrayBufferView | Blob;

/** Standard WebSocket interface, for runtimes that have another or none. */
export interface RawWebSocket {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  readonly readyState: 0 | 1 | 2 | 3;
  /** Bytes passed to `send` that have not left yet. */
  readonly bufferedAmount: number;
  /** Negotiated subprotocol; "" when none was offered. */
  readonly protocol: string;
  readonly extensions: string;
  readonly url: string;
  /** Default: "arraybuffer". */
  binaryType: "arraybuffer" | "blob";
  onopen: RawListener<RawOpenEvent> | null;
  onmessage: RawListener<RawMessageEvent> | null;
  onclose: RawListener<RawCloseEvent> | null;
  onerror: RawListener<RawErrorEvent> | null;
  addEventListener<Type extends keyof RawWebSocketEvents>(
    type: Type,
    listener: RawEventListener<RawWebSocketEvents[Type]> | null,
    options?: boolean | RawListenerOptions,
  ): void;
  removeEventListener<Type extends keyof RawWebSocketEvents>(
    type: Type,
    listener: RawEventListener<RawWebSocketEvents[Type]> | null,
  ): void;
  /** Dispatches an event, whose type may be custom. False when a listener prevents its default. */
  dispatchEvent(event: { readonly type: string; readonly defaultPrevented?: boolean }): boolean;
  /** Throws `InvalidStateError` before the socket is open. Drops the data after it closed. */
  send(data: RawData): void;
  /** Throws `InvalidAccessError` for a code that may not be sent, `SyntaxError` for a reason over 123 bytes. */
  close(code?: number, reason?: string): void;
}

/** Transport of a {@link BufferedWebSocket}. */
export interface RawTransport {
  /** `data` is a private copy. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code: number | undefined, reason: string): void;
  readonly bufferedAmount: number;
}

export interface BufferedWebSocketOptions {
  readonly url: string;
  /** Runs a listener. By default it is called directly, and its errors are unhandled rejections. */
  readonly run?: (listener: () => unknown) => void;
  /** Messages received by the socket that this one continues. */
  readonly received?: number;
  /** Restricts `close` to the codes that a client may send: 1000, and 3000 to 4999. */
  readonly clientCloseCodesOnly?: boolean;
}

type EventType = keyof RawWebSocketEvents;
type AnyEvent = RawWebSocketEvents[EventType];
/** The type it was registered for determines its event. */
type AnyListener = RawEventListener<{ readonly type: string }>;

interface Registered {
  readonly listener: AnyListener;
  readonly once: boolean;
  readonly isProperty: boolean;
}

/** Limits of the events buffered without a listener. */
const maxBufferedMessages = 1_024;
const maxBufferedBytes = 32 * 1_048_576;
const textEncoder = new TextEncoder();

/** {@link RawWebSocket} over any transport, which calls `onOpened`, `onReceived`, `onFailed` and `onClosed`. */
export class BufferedWebSocket implements RawWebSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly extensions = "";
  readonly url: string;
  binaryType: "arraybuffer" | "blob" = "arraybuffer";
  /** Called when the user closes the socket before it is open. */
  onAborted: (() => void) | undefined;
  readonly #options: BufferedWebSocketOptions;
  readonly #listeners = new Map<string, Registered[]>();
  readonly #buffered = new Map<EventType, AnyEvent[]>();
  #bufferedBytes = 0;
  /** False once the buffer overflowed: from then on messages without a listener are dropped, as the standard does. */
  #buffersMessages = true;
  readonly #settled = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #transport: RawTransport | undefined;
  #readyState: 0 | 1 | 2 | 3 = 0;
  #protocol = "";
  #received: number;
  /** Tail of the sends that wait for a Blob to be read; undefined when none waits. */
  #sendQueue: Promise<void> | undefined;

  constructor(options: BufferedWebSocketOptions) {
    this.#options = options;
    this.url = options.url;
    this.#received = options.received ?? 0;
  }

  /** Number of messages received. */
  get received(): number {
    return this.#received;
  }

  /** Resolves when the socket is open, or closed before it opened. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Resolves when the socket is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  get bufferedAmount(): number {
    return this.#transport?.bufferedAmount ?? 0;
  }

  get protocol(): string {
    return this.#protocol;
  }

  get onopen(): RawListener<RawOpenEvent> | null {
    return this.#property("open");
  }

  set onopen(listener: RawListener<RawOpenEvent> | null) {
    this.#setProperty("open", listener);
  }

  get onmessage(): RawListener<RawMessageEvent> | null {
    return this.#property("message");
  }

  set onmessage(listener: RawListener<RawMessageEvent> | null) {
    this.#setProperty("message", listener);
  }

  get onclose(): RawListener<RawCloseEvent> | null {
    return this.#property("close");
  }

  set onclose(listener: RawListener<RawCloseEvent> | null) {
    this.#setProperty("close", listener);
  }

  get onerror(): RawListener<RawErrorEvent> | null {
    return this.#property("error");
  }

  set onerror(listener: RawListener<RawErrorEvent> | null) {
    this.#setProperty("error", listener);
  }

  addEventListener<Type extends EventType>(
    type: Type,
    listener: RawEventListener<RawWebSocketEvents[Type]> | null,
    options?: boolean | RawListenerOptions,
  ): void {
    const { once = false, signal } = typeof options === "object" ? options : {};
    if (listener === null || signal?.aborted === true) return;
    const registered = this.#listeners.get(type) ?? [];
    if (registered.some((each) => each.listener === listener && !each.isProperty)) return;
    this.#add(type, { listener: listener as AnyListener, once, isProperty: false });
    signal?.addEventListener("abort", () => this.removeEventListener(type, listener), { once: true });
  }

  removeEventListener<Type extends EventType>(
    type: Type,
    listener: RawEventListener<RawWebSocketEvents[Type]> | null,
  ): void {
    this.#remove(type, (each) => each.listener === listener && !each.isProperty);
  }

  dispatchEvent(event: { readonly type: string; readonly defaultPrevented?: boolean }): boolean {
    this.#fire(event);
    return event.defaultPrevented !== true;
  }

  send(data: RawData): void {
    if (this.#readyState === 0) throw new DOMException("The WebSocket is not open yet", "InvalidStateError");
    if (this.#readyState !== 1) return;
    if (data instanceof Blob) this.#sendBlob(data);
    else if (isBuffer(data)) this.#send(copyBytes(data));
    // What is neither is sent as text, as the standard has it: code without types sends numbers.
    else this.#send(String(data).toWellFormed());
  }

  close(code?: number, reason = ""): void {
    if (code !== undefined && !isValidCloseCode(code, this.#options.clientCloseCodesOnly === true)) {
      throw new DOMException(`A WebSocket cannot be closed with the code ${code}`, "InvalidAccessError");
    }
    if (textEncoder.encode(reason).length > 123) {
      throw new DOMException("The reason of a close cannot be longer than 123 bytes", "SyntaxError");
    }
    if (this.#readyState >= 2) return;
    this.#readyState = 2;
    const close = (): void => {
      if (this.#transport === undefined) this.onAborted?.();
      else this.#transport.close(code, reason);
    };
    if (this.#sendQueue === undefined) close();
    else void this.#sendQueue.then(close);
  }

  /** Attaches the transport. `announce` is false for a socket that resumes and was open before. */
  onOpened(transport: RawTransport, protocol: string, announce = true): void {
    this.#transport = transport;
    this.#protocol = protocol;
    if (this.#readyState !== 0) {
      // The user closed it while it was opening.
      transport.close(1000, "");
      return;
    }
    this.#readyState = 1;
    this.#settled.resolve();
    if (announce) this.#dispatch({ type: "open", target: this, currentTarget: this });
  }

  onReceived(data: string | Uint8Array): void {
    if (this.#readyState !== 1) return;
    this.#received += 1;
    const payload = typeof data === "string" ? data : this.#binary(data);
    this.#dispatch({
      type: "message",
      target: this,
      currentTarget: this,
      data: payload,
      rivetMessageIndex: this.#received,
    });
  }

  onFailed(error: unknown): void {
    if (this.#readyState === 3) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#dispatch({ type: "error", target: this, currentTarget: this, message, error });
  }

  onClosed(code: number, reason: string, wasClean: boolean): void {
    if (this.#readyState === 3) return;
    this.#readyState = 3;
    this.#closed.resolve();
    this.#settled.resolve();
    this.#dispatch({ type: "close", target: this, currentTarget: this, code, reason, wasClean });
  }

  #binary(data: Uint8Array): ArrayBuffer | Blob {
    const copy = copyBytes(data);
    return this.binaryType === "blob" ? new Blob([copy]) : copy.buffer;
  }

  #send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#sendQueue === undefined) this.#transport?.send(data);
    else this.#sendInOrder(() => this.#transport?.send(data));
  }

  #sendBlob(blob: Blob): void {
    const read = blob.arrayBuffer();
    // `#sendInOrder` reports the failure, in order.
    read.catch(() => undefined);
    this.#sendInOrder(async () => this.#transport?.send(new Uint8Array(await read)));
  }

  /** Sends after all earlier Blobs. A failed one, such as a Blob of a changed file, does not block the rest. */
  #sendInOrder(send: () => unknown): void {
    const tail = Promise.resolve(this.#sendQueue)
      .then(send)
      .catch((error: unknown) => this.onFailed(error))
      .then(() => {
        if (this.#sendQueue === tail) this.#sendQueue = undefined;
      });
    this.#sendQueue = tail;
  }

  #property<Type extends EventType>(type: Type): RawListener<RawWebSocketEvents[Type]> | null {
    const listener = this.#listeners.get(type)?.find((each) => each.isProperty)?.listener;
    return typeof listener === "function" ? listener : null;
  }

  #setProperty<Type extends EventType>(
    type: Type,
    listener: RawListener<RawWebSocketEvents[Type]> | null,
  ): void {
    this.#remove(type, (each) => each.isProperty);
    if (typeof listener !== "function") return;
    this.#add(type, { listener: listener as AnyListener, once: false, isProperty: true });
  }

  #add(type: EventType, registered: Registered): void {
    const listeners = this.#listeners.get(type);
    if (listeners === undefined) this.#listeners.set(type, [registered]);
    else listeners.push(registered);
    // Buffered events are delivered asynchronously, like any event.
    if (this.#buffered.has(type)) queueMicrotask(() => this.#deliverBuffered(type));
  }

  #remove(type: string, matches: (each: Registered) => boolean): void {
    const listeners = this.#listeners.get(type);
    if (listeners === undefined) return;
    const remaining = listeners.filter((each) => !matches(each));
    if (remaining.length === 0) this.#listeners.delete(type);
    else this.#listeners.set(type, remaining);
  }

  #deliverBuffered(type: EventType): void {
    const buffered = this.#buffered.get(type);
    while (buffered !== undefined && buffered.length > 0 && this.#listeners.has(type)) {
      const event = buffered.shift();
      if (event === undefined) break;
      this.#bufferedBytes -= messageSize(event);
      this.#fire(event);
    }
    if (buffered?.length === 0) this.#buffered.delete(type);
  }

  #dispatch(event: AnyEvent): void {
    const buffered = this.#buffered.get(event.type);
    if (buffered === undefined && this.#listeners.has(event.type)) {
      this.#fire(event);
      return;
    }
    if (event.type === "message" && !this.#buffersMessages) return;
    this.#bufferedBytes += messageSize(event);
    if (buffered === undefined) this.#buffered.set(event.type, [event]);
    else buffered.push(event);
    // A listener was just added: the buffer is about to be delivered.
    if (this.#listeners.has(event.type)) return;
    const count = this.#buffered.get(event.type)?.length ?? 0;
    if (count <= maxBufferedMessages && this.#bufferedBytes <= maxBufferedBytes) return;
    this.#buffered.delete("message");
    this.#bufferedBytes = 0;
    this.#buffersMessages = false;
  }

  #fire(event: { readonly type: string }): void {
    for (const registered of [...(this.#listeners.get(event.type) ?? [])]) {
      if (registered.once) this.#remove(event.type, (each) => each === registered);
      const { listener } = registered;
      const call = (): unknown =>
        typeof listener === "function" ? listener.call(this, event) : listener.handleEvent(event);
      if (this.#options.run === undefined) callListener(call);
      else this.#options.run(call);
    }
  }
}

/** Reports a listener's error as an unhandled rejection, so that the other listeners still run. */
function callListener(listener: () => unknown): void {
  try {
    listener();
  } catch (error) {
    void Promise.reject(error);
  }
}

/** Close codes that an endpoint may send (RFC 6455, section 7.4), or the fewer that browsers allow. */
function isValidCloseCode(code: number, clientOnly: boolean): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3_000) return code <= 4_999;
  if (clientOnly) return code === 1_000;
  return code >= 1_000 && code <= 1_014 && code !== 1_004 && code !== 1_005 && code !== 1_006;
}

/** By tag instead of `instanceof`: test runners pass buffers of another realm. */
function isBuffer(data: ArrayBuffer | ArrayBufferView | string): data is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(data) || Object.prototype.toString.call(data) === "[object ArrayBuffer]";
}

function copyBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return new Uint8Array(view);
}

function messageSize(event: AnyEvent): number {
  if (event.type !== "message") return 0;
  const { data } = event;
  if (typeof data === "string") return data.length;
  return data instanceof Blob ? data.size : data.byteLength;
}
