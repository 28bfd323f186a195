/**
 * The WebSocket that user code holds at either end of a raw connection. It follows the interface of the
 * standard (https://websockets.spec.whatwg.org/), with one difference: events of a type are kept until
 * the first listener for that type is there, so that nothing is lost between opening and listening.
 */

export interface RawOpenEvent {
  readonly type: "open";
  readonly target: RawWebSocket;
  readonly currentTarget: RawWebSocket;
}

/** As `MessageEvent` of the standard. */
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

/** As `CloseEvent` of the standard. */
export interface RawCloseEvent {
  readonly type: "close";
  readonly target: RawWebSocket;
  readonly currentTarget: RawWebSocket;
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** As `ErrorEvent` of the standard. */
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

/** May be asynchronous: at the actor's end the actor stays awake until its promise settles. */
export type RawListener<Event> = {
  // A method's parameter is bivariant: a handler that is written for `MessageEvent` fits as well.
  handle(event: Event): unknown;
}["handle"];

/** What listens: a function, or an object with the method that the standard names for it. */
export type RawEventListener<Event> = RawListener<Event> | { readonly handleEvent: RawListener<Event> };

export interface RawListenerOptions {
  readonly once?: boolean;
  readonly signal?: AbortSignal;
}

/** What can be sent over a WebSocket. */
export type RawData = string | ArrayBuffer | ArrayBufferView | Blob;

/** A WebSocket of the standard, where the runtime may have another or none. */
export interface RawWebSocket {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  readonly readyState: 0 | 1 | 2 | 3;
  /** Bytes given to `send` that have not left yet. */
  readonly bufferedAmount: number;
  /** What the two sides agreed on; "" when nothing was offered. */
  readonly protocol: string;
  readonly extensions: string;
  readonly url: string;
  /** "arraybuffer" unless set. */
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
  /** Tells those who listen for its type, which may be one of one's own; false when one of them prevents it. */
  dispatchEvent(event: { readonly type: string; readonly defaultPrevented?: boolean }): boolean;
  /** Throws `InvalidStateError` before it is open; what is sent after it closed goes nowhere. */
  send(data: RawData): void;
  /** Throws `InvalidAccessError` for a code that may not be sent, `SyntaxError` for a reason over 123 bytes. */
  close(code?: number, reason?: string): void;
}

/** What carries the messages of a {@link BufferedWebSocket}. */
export interface RawTransport {
  /** `data` is a copy that nobody else changes. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code: number | undefined, reason: string): void;
  readonly bufferedAmount: number;
}

export interface BufferedWebSocketOptions {
  readonly url: string;
  /** Runs a listener; by default it is called, and what it throws goes to the runtime as unhandled. */
  readonly run?: (listener: () => unknown) => void;
  /** Messages that came before, where it goes on with another one. */
  readonly received?: number;
  /** Only the codes that a client may give: 1000, and 3000 to 4999. */
  readonly clientCodes?: boolean;
}

type EventType = keyof RawWebSocketEvents;
type AnyEvent = RawWebSocketEvents[EventType];
/** What it takes is said by the type that it was registered for. */
type AnyListener = RawEventListener<{ readonly type: string }>;

interface Registered {
  readonly listener: AnyListener;
  readonly once: boolean;
  readonly isProperty: boolean;
}

/** Messages, and their bytes, that are kept while nobody listens. */
const maxKeptMessages = 1_024;
const maxKeptBytes = 32 * 1_048_576;
const textEncoder = new TextEncoder();

/**
 * A {@link RawWebSocket} over any transport. `onOpened`, `onReceived`, `onFailed` and `onClosed` are called
 * by whoever carries it.
 */
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
  /** Called when its user closes it before it is open. */
  onAborted: (() => void) | undefined;
  readonly #options: BufferedWebSocketOptions;
  readonly #listeners = new Map<string, Registered[]>();
  readonly #kept = new Map<EventType, AnyEvent[]>();
  #keptBytes = 0;
  /** Nobody seems to want them: past the bound, messages without a listener are dropped, as the standard has it. */
  #keepsMessages = true;
  readonly #settled = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #transport: RawTransport | undefined;
  #readyState: 0 | 1 | 2 | 3 = 0;
  #protocol = "";
  #received: number;
  /** Blobs are read in time: what is sent after one waits for it. */
  #blobs: Promise<void> | undefined;

  constructor(options: BufferedWebSocketOptions) {
    this.#options = options;
    this.url = options.url;
    this.#received = options.received ?? 0;
  }

  /** How many messages have come. */
  get received(): number {
    return this.#received;
  }

  /** Resolves when it is open, or closed before it was. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Resolves when it is closed. */
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
    else if (isBuffer(data)) this.#send(copyOf(data));
    // What is neither is sent as text, as the standard has it: code without types sends numbers.
    else this.#send(String(data).toWellFormed());
  }

  close(code?: number, reason = ""): void {
    if (code !== undefined && !isSendable(code, this.#options.clientCodes === true)) {
      throw new DOMException(`A WebSocket cannot be closed with the code ${code}`, "InvalidAccessError");
    }
    if (textEncoder.encode(reason).length > 123) {
      throw new DOMException("The reason of a close is longer than 123 bytes", "SyntaxError");
    }
    if (this.#readyState >= 2) return;
    this.#readyState = 2;
    const close = (): void => {
      if (this.#transport === undefined) this.onAborted?.();
      else this.#transport.close(code, reason);
    };
    if (this.#blobs === undefined) close();
    else void this.#blobs.then(close);
  }

  /** The connection is there. Without `announce` no event is made: it was open before. */
  onOpened(transport: RawTransport, protocol: string, announce = true): void {
    this.#transport = transport;
    this.#protocol = protocol;
    if (this.#readyState !== 0) {
      // Closed by its user while it was being opened.
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
    const shown = typeof data === "string" ? data : this.#binary(data);
    this.#dispatch({
      type: "message",
      target: this,
      currentTarget: this,
      data: shown,
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
    const copy = copyOf(data);
    return this.binaryType === "blob" ? new Blob([copy]) : copy.buffer;
  }

  #send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#blobs === undefined) this.#transport?.send(data);
    else this.#inTurn(() => this.#transport?.send(data));
  }

  #sendBlob(blob: Blob): void {
    const read = blob.arrayBuffer();
    // Its failure is told in its turn.
    read.catch(() => undefined);
    this.#inTurn(async () => this.#transport?.send(new Uint8Array(await read)));
  }

  /** Sends after what waits; one that fails, as a Blob of a file that has changed, holds up no other. */
  #inTurn(send: () => unknown): void {
    const tail = Promise.resolve(this.#blobs)
      .then(send)
      .catch((error: unknown) => this.onFailed(error))
      .then(() => {
        if (this.#blobs === tail) this.#blobs = undefined;
      });
    this.#blobs = tail;
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
    // Kept events arrive after the code that listens has ended, as any event would.
    if (this.#kept.has(type)) queueMicrotask(() => this.#deliverKept(type));
  }

  #remove(type: string, isIt: (each: Registered) => boolean): void {
    const listeners = this.#listeners.get(type);
    if (listeners === undefined) return;
    const left = listeners.filter((each) => !isIt(each));
    if (left.length === 0) this.#listeners.delete(type);
    else this.#listeners.set(type, left);
  }

  #deliverKept(type: EventType): void {
    const kept = this.#kept.get(type);
    while (kept !== undefined && kept.length > 0 && this.#listeners.has(type)) {
      const event = kept.shift();
      if (event === undefined) break;
      this.#keptBytes -= sizeOf(event);
      this.#fire(event);
    }
    if (kept?.length === 0) this.#kept.delete(type);
  }

  #dispatch(event: AnyEvent): void {
    const kept = this.#kept.get(event.type);
    if (kept === undefined && this.#listeners.has(event.type)) {
      this.#fire(event);
      return;
    }
    if (event.type === "message" && !this.#keepsMessages) return;
    this.#keptBytes += sizeOf(event);
    if (kept === undefined) this.#kept.set(event.type, [event]);
    else kept.push(event);
    // Somebody has begun to listen: all of it is on its way.
    if (this.#listeners.has(event.type)) return;
    const count = this.#kept.get(event.type)?.length ?? 0;
    if (count <= maxKeptMessages && this.#keptBytes <= maxKeptBytes) return;
    this.#kept.delete("message");
    this.#keptBytes = 0;
    this.#keepsMessages = false;
  }

  #fire(event: { readonly type: string }): void {
    for (const registered of [...(this.#listeners.get(event.type) ?? [])]) {
      if (registered.once) this.#remove(event.type, (each) => each === registered);
      const { listener } = registered;
      const call = (): unknown =>
        typeof listener === "function" ? listener.call(this, event) : listener.handleEvent(event);
      if (this.#options.run === undefined) runPlainly(call);
      else this.#options.run(call);
    }
  }
}

/** One listener's failure is no reason for the others not to hear of the event. */
function runPlainly(listener: () => unknown): void {
  try {
    listener();
  } catch (error) {
    void Promise.reject(error);
  }
}

/** The codes that an endpoint may send: RFC 6455, section 7.4; a client's user may give fewer. */
function isSendable(code: number, ofClient: boolean): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3_000) return code <= 4_999;
  if (ofClient) return code === 1_000;
  return code >= 1_000 && code <= 1_014 && code !== 1_004 && code !== 1_005 && code !== 1_006;
}

/** By its own word: a buffer of another realm, as test runners have them, is an instance of nothing here. */
function isBuffer(data: ArrayBuffer | ArrayBufferView | string): data is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(data) || Object.prototype.toString.call(data) === "[object ArrayBuffer]";
}

function copyOf(data: ArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return new Uint8Array(view);
}

function sizeOf(event: AnyEvent): number {
  if (event.type !== "message") return 0;
  const { data } = event;
  if (typeof data === "string") return data.length;
  return data instanceof Blob ? data.size : data.byteLength;
}
