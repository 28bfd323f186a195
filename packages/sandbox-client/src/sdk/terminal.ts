import { isRecord } from "../internal/http.ts";
import { callListener } from "./acp/listeners.ts";

export type ProcessTerminalClientFrame =
  | { type: "input"; data: string; encoding?: string }
  | { type: "resize"; cols: number; rows: number }
  | { type: "close" };

export interface ProcessTerminalReadyFrame {
  type: "ready";
  processId: string;
  /** The byte of the process's output that is shown first. */
  offset?: number;
}

export interface ProcessTerminalExitFrame {
  type: "exit";
  exitCode?: number | null;
}

export interface ProcessTerminalErrorFrame {
  type: "error";
  message: string;
}

export type ProcessTerminalServerFrame =
  | ProcessTerminalReadyFrame
  | ProcessTerminalExitFrame
  | ProcessTerminalErrorFrame;
export type TerminalReadyStatus = ProcessTerminalReadyFrame;
export type TerminalExitStatus = ProcessTerminalExitFrame;
export type TerminalErrorStatus = ProcessTerminalErrorFrame;
export type TerminalStatusMessage = ProcessTerminalServerFrame;

export interface TerminalResizePayload {
  cols: number;
  rows: number;
}

export interface ProcessTerminalWebSocketUrlOptions {
  /** The client's own token by default. */
  accessToken?: string;
  /**
   * Start of the output: a byte offset, or `end` for new output only. By default 256 KiB before its end. An offset
   * after the end is refused.
   */
  offset?: number | "end";
}

export interface ProcessTerminalConnectOptions extends ProcessTerminalWebSocketUrlOptions {
  protocols?: string | string[];
  WebSocket?: typeof WebSocket;
}

export type ProcessTerminalSessionOptions = ProcessTerminalConnectOptions;

class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();

  add(listener: (value: T) => void): () => void {
    this.#all.add(listener);
    return () => {
      this.#all.delete(listener);
    };
  }

  emit(value: T): void {
    for (const listener of [...this.#all]) callListener(listener, value);
  }
}

/** A terminal of a process over a WebSocket. Input is queued until the socket is open. */
export class ProcessTerminalSession {
  readonly socket: WebSocket;
  /** Resolves when the socket has closed; never rejects. */
  readonly closed: Promise<void>;
  readonly #ready = new Listeners<TerminalReadyStatus>();
  readonly #data = new Listeners<Uint8Array>();
  readonly #exit = new Listeners<TerminalExitStatus>();
  readonly #errors = new Listeners<TerminalErrorStatus | Error>();
  readonly #close = new Listeners<undefined>();
  #waiting: string[] = [];
  #closing = false;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", () => {
        this.#waiting = [];
        resolve();
        this.#close.emit(undefined);
      });
    });
    socket.addEventListener("open", () => {
      for (const frame of this.#waiting.splice(0)) socket.send(frame);
    });
    socket.addEventListener("error", () =>
      this.#errors.emit(new Error("The connection to the terminal failed")),
    );
    socket.addEventListener("message", (event) => void this.#receive(event.data));
  }

  onReady(listener: (status: TerminalReadyStatus) => void): () => void {
    return this.#ready.add(listener);
  }

  onData(listener: (data: Uint8Array) => void): () => void {
    return this.#data.add(listener);
  }

  onExit(listener: (status: TerminalExitStatus) => void): () => void {
    return this.#exit.add(listener);
  }

  onError(listener: (error: TerminalErrorStatus | Error) => void): () => void {
    return this.#errors.add(listener);
  }

  onClose(listener: () => void): () => void {
    return this.#close.add(() => listener());
  }

  /** Text unchanged; bytes in base64. */
  sendInput(data: string | ArrayBuffer | ArrayBufferView): void {
    if (typeof data === "string") this.#send({ type: "input", data });
    else this.#send({ type: "input", data: base64(bytesOf(data)), encoding: "base64" });
  }

  resize(payload: TerminalResizePayload): void {
    this.#send({ type: "resize", cols: payload.cols, rows: payload.rows });
  }

  /** Disconnects from the terminal; its process keeps running. Idempotent. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.socket.readyState === this.socket.OPEN) this.#send({ type: "close" });
    this.socket.close();
  }

  #send(frame: ProcessTerminalClientFrame): void {
    const text = JSON.stringify(frame);
    if (this.socket.readyState === this.socket.CONNECTING) this.#waiting.push(text);
    else if (this.socket.readyState === this.socket.OPEN) this.socket.send(text);
  }

  async #receive(data: unknown): Promise<void> {
    if (typeof data !== "string") {
      if (data instanceof ArrayBuffer) this.#data.emit(new Uint8Array(data));
      else if (ArrayBuffer.isView(data)) this.#data.emit(bytesOf(data));
      else if (data instanceof Blob) this.#data.emit(new Uint8Array(await data.arrayBuffer()));
      return;
    }
    const frame = parseFrame(data);
    if (frame?.type === "ready") this.#ready.emit(frame);
    else if (frame?.type === "exit") this.#exit.emit(frame);
    else if (frame?.type === "error") this.#errors.emit(frame);
    else this.#errors.emit(new Error("The terminal sent a frame that is not of its protocol"));
  }
}

function parseFrame(text: string): ProcessTerminalServerFrame | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  if (value.type === "ready" && typeof value.processId === "string")
    return {
      type: "ready",
      processId: value.processId,
      ...(typeof value.offset === "number" ? { offset: value.offset } : {}),
    };
  if (value.type === "exit")
    return typeof value.exitCode === "number"
      ? { type: "exit", exitCode: value.exitCode }
      : { type: "exit", exitCode: null };
  if (value.type === "error" && typeof value.message === "string")
    return { type: "error", message: value.message };
  return undefined;
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  // The arguments of a call are limited.
  for (let at = 0; at < bytes.length; at += 8_192)
    binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(binary);
}
