/** Types of raw WebSockets that fit those of every runtime, by the names that programs of the peer use. */

// biome-ignore lint/suspicious/noExplicitAny: handlers say themselves which event they take, as they may with the WebSocket of a browser.
type AnyEvent = any;

/** As `Event` of the standard, as far as WebSockets have it. */
export interface RivetEvent {
  readonly type: string;
  readonly target?: unknown;
  readonly currentTarget?: unknown;
}

/** As `MessageEvent` of the standard. */
export interface RivetMessageEvent extends RivetEvent {
  /** Text as a string, binary data as an ArrayBuffer. */
  readonly data: AnyEvent;
  /** The number of the message on this socket, from 1. */
  readonly rivetMessageIndex?: number;
}

/** As `CloseEvent` of the standard. */
export interface RivetCloseEvent extends RivetEvent {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** The part of the standard's WebSocket that both ends of a raw connection have. */
export interface UniversalWebSocket {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  readonly readyState: number;
  binaryType: "arraybuffer" | "blob";
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  readonly url: string;
  onopen: ((event: AnyEvent) => unknown) | null;
  onmessage: ((event: AnyEvent) => unknown) | null;
  onclose: ((event: AnyEvent) => unknown) | null;
  onerror: ((event: AnyEvent) => unknown) | null;
  send(data: string | ArrayBuffer | ArrayBufferView | Blob): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: AnyEvent) => unknown): void;
  removeEventListener(type: string, listener: (event: AnyEvent) => unknown): void;
}
