/**
 * Types of raw WebSockets that are compatible with every JavaScript runtime, under the names that programs written for
 * the peer use.
 */

// biome-ignore lint/suspicious/noExplicitAny: handlers say themselves which event they take, as they may with the WebSocket of a browser.
type AnyEvent = any;

/** As the standard's `Event`, with the fields that WebSockets use. */
export interface RivetEvent {
  readonly type: string;
  readonly target?: unknown;
  readonly currentTarget?: unknown;
}

/** As the standard's `MessageEvent`. */
export interface RivetMessageEvent extends RivetEvent {
  /** Text as a string, binary data as an ArrayBuffer. */
  readonly data: AnyEvent;
  /** The number of the message on this socket, starting with 1. */
  readonly rivetMessageIndex?: number;
}

/** As the standard's `CloseEvent`. */
export interface RivetCloseEvent extends RivetEvent {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** The part of the standard's WebSocket that both ends of a raw connection support. */
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
