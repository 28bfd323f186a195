import { callListener } from "../../acp/listeners.ts";
import type { DesktopMouseButton } from "../desktop-wire.ts";
import { FrameCanvas } from "./frame-canvas.ts";
import { moveMessage, opcodes, scrollMessage, valueMessage } from "./input-messages.ts";
import { keysymOf } from "./keysyms.ts";
import { type PageMediaStream, type PeerConnectionConstructor, page } from "./media-types.ts";
import { parseServerMessage, type ServerMessage } from "./server-messages.ts";
import type {
  DesktopStreamErrorStatus,
  DesktopStreamReadyStatus,
  DesktopStreamSessionOptions,
} from "./stream-types.ts";
import { WebRtc } from "./web-rtc.ts";

const defaultWebRtcTimeoutMs = 5_000;
const buttons: Readonly<Record<DesktopMouseButton, number>> = { left: 1, middle: 2, right: 3 };

type Listener<T> = (value: T) => void;

class Listeners<T> {
  readonly #all = new Set<Listener<T>>();

  add(listener: Listener<T>): () => void {
    this.#all.add(listener);
    return () => {
      this.#all.delete(listener);
    };
  }

  emit(value: T): void {
    for (const listener of [...this.#all]) callListener(listener, value);
  }
}

/**
 * The live picture of a desktop, and input for it, over a WebSocket: by WebRTC, or as JPEG frames where that does not
 * connect. In a page both are media streams.
 */
export class DesktopStreamSession {
  readonly socket: WebSocket;
  /** Resolves when the socket has closed; never rejects. */
  readonly closed: Promise<void>;
  readonly #options: DesktopStreamSessionOptions;
  readonly #ready = new Listeners<DesktopStreamReadyStatus>();
  readonly #tracks = new Listeners<PageMediaStream>();
  readonly #frames = new Listeners<Uint8Array>();
  readonly #connects = new Listeners<undefined>();
  readonly #disconnects = new Listeners<undefined>();
  readonly #errors = new Listeners<DesktopStreamErrorStatus | Error>();
  #status: DesktopStreamReadyStatus | undefined;
  #stream: PageMediaStream | undefined;
  #webRtc: WebRtc | undefined;
  #offersFrames = false;
  #usesFrames = false;
  #canvas: FrameCanvas | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isConnected = false;
  #viewOnly = false;

  constructor(socket: WebSocket, options: DesktopStreamSessionOptions = {}) {
    this.socket = socket;
    this.#options = options;
    socket.binaryType = "arraybuffer";
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", () => {
        this.#tearDown();
        resolve();
        this.#disconnects.emit(undefined);
      });
    });
    socket.addEventListener("error", () =>
      this.#errors.emit(new Error("The connection to the desktop failed")),
    );
    socket.addEventListener("message", ({ data }) => {
      if (data instanceof ArrayBuffer) void this.#onFrame(new Uint8Array(data));
      else if (typeof data === "string") void this.#onMessage(parseServerMessage(data));
    });
  }

  /** Calls `listener` when the server has told the size of the screen, or now if it has. */
  onReady(listener: (status: DesktopStreamReadyStatus) => void): () => void {
    if (this.#status !== undefined) callListener(listener, this.#status);
    return this.#ready.add(listener);
  }

  /** Calls `listener` with each picture to show, and now if there is one. Another one replaces the one before. */
  onTrack(listener: (stream: PageMediaStream) => void): () => void {
    if (this.#stream !== undefined) callListener(listener, this.#stream);
    return this.#tracks.add(listener);
  }

  /** Calls `listener` with each JPEG frame, if the picture comes as frames. */
  onFrame(listener: (frame: Uint8Array) => void): () => void {
    return this.#frames.add(listener);
  }

  onConnect(listener: () => void): () => void {
    return this.#connects.add(() => listener());
  }

  onDisconnect(listener: () => void): () => void {
    return this.#disconnects.add(() => listener());
  }

  /** @deprecated As {@link onDisconnect}. */
  onClose(listener: () => void): () => void {
    return this.onDisconnect(listener);
  }

  /** An `Error` if the connection fails; otherwise what the server says, which then disconnects. */
  onError(listener: (error: DesktopStreamErrorStatus | Error) => void): () => void {
    return this.#errors.add(listener);
  }

  getMediaStream(): PageMediaStream | null {
    return this.#stream ?? null;
  }

  /** Whether the server ignores input. */
  get viewOnly(): boolean {
    return this.#viewOnly;
  }

  /** How the picture comes; undefined before it does. */
  get transport(): "webrtc" | "frames" | undefined {
    if (!this.#isConnected) return undefined;
    return this.#usesFrames ? "frames" : "webrtc";
  }

  moveMouse(x: number, y: number): void {
    this.#sendInput(moveMessage(x, y));
  }

  mouseDown(button: DesktopMouseButton = "left", x?: number, y?: number): void {
    if (x !== undefined && y !== undefined) this.moveMouse(x, y);
    this.#sendInput(valueMessage(opcodes.buttonDown, buttons[button]));
  }

  mouseUp(button: DesktopMouseButton = "left", x?: number, y?: number): void {
    if (x !== undefined && y !== undefined) this.moveMouse(x, y);
    this.#sendInput(valueMessage(opcodes.buttonUp, buttons[button]));
  }

  /** Scrolls by pixels, as the wheel events of browsers have them; positive is right and down. */
  scroll(x: number, y: number, deltaX = 0, deltaY = 0): void {
    this.moveMouse(x, y);
    this.#sendInput(scrollMessage(deltaX, deltaY));
  }

  /** Presses a key by its name in browsers (`KeyboardEvent.key`). Others than those of X are ignored. */
  keyDown(key: string): void {
    const keysym = keysymOf(key);
    if (keysym !== undefined) this.#sendInput(valueMessage(opcodes.keyDown, keysym));
  }

  keyUp(key: string): void {
    const keysym = keysymOf(key);
    if (keysym !== undefined) this.#sendInput(valueMessage(opcodes.keyUp, keysym));
  }

  /** Idempotent. */
  close(): void {
    this.#tearDown();
    this.socket.close();
  }

  async #onMessage(message: ServerMessage | undefined): Promise<void> {
    switch (message?.event) {
      case "system/init":
        this.#begin(message);
        return;
      case "offer":
        await this.#onOffer(message.sdp, message.iceServers);
        return;
      case "candidate":
        await this.#webRtc?.addCandidate(message.candidate);
        return;
      case "close":
        this.#webRtcFailed(new Error("The server closed the WebRTC connection"));
        return;
      case "disconnect":
        this.#errors.emit({ type: "error", message: message.message });
        this.close();
        return;
      case undefined:
        return;
    }
  }

  #begin({ width, height, transports, viewOnly }: ServerMessage & { event: "system/init" }): void {
    const { transport = "auto", webRtcTimeoutMs = defaultWebRtcTimeoutMs } = this.#options;
    this.#viewOnly = viewOnly;
    this.#offersFrames = transports?.includes("frames") === true && transport !== "webrtc";
    this.#status = { type: "ready", width, height };
    this.#ready.emit(this.#status);
    const hasWebRtc = this.#connectionClass() !== undefined && transports?.includes("webrtc") !== false;
    if (transport === "frames" || (transport === "auto" && !hasWebRtc && this.#offersFrames)) {
      this.#useFrames();
      return;
    }
    this.#signal("control/request", {});
    this.#signal("signal/request", { video: {}, audio: {} });
    if (this.#offersFrames) this.#timer = setTimeout(() => this.#useFrames(), webRtcTimeoutMs);
  }

  #connectionClass(): PeerConnectionConstructor | undefined {
    const { RTCPeerConnection: Given } = this.#options;
    // The types of a browser's class and of what is used of it differ where callbacks have `this`.
    return (Given as unknown as PeerConnectionConstructor | undefined) ?? page.RTCPeerConnection;
  }

  async #onOffer(sdp: string, offered: readonly unknown[]): Promise<void> {
    if (this.#usesFrames) return;
    const Connection = this.#connectionClass();
    if (Connection === undefined) {
      this.#errors.emit(new Error("WebRTC is not available; provide an RTCPeerConnection implementation."));
      return;
    }
    this.#webRtc?.close();
    const iceServers = offered.length === 0 ? {} : { iceServers: offered };
    try {
      const webRtc = new WebRtc(
        Connection,
        { ...this.#options.rtcConfig, ...iceServers },
        {
          onTrack: (stream) => this.#show(stream),
          onConnect: () => this.#connected(),
          onFail: (error) => this.#webRtcFailed(error),
          onCandidate: (candidate) => this.#signal("signal/candidate", candidate),
        },
      );
      this.#webRtc = webRtc;
      this.#signal("signal/answer", { sdp: await webRtc.answer(sdp) });
    } catch (error) {
      this.#webRtcFailed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #webRtcFailed(error: Error): void {
    if (this.#usesFrames) return;
    if (this.#offersFrames) this.#useFrames();
    else this.#errors.emit(error);
  }

  #useFrames(): void {
    clearTimeout(this.#timer);
    this.#usesFrames = true;
    this.#isConnected = false;
    this.#webRtc?.close();
    this.#webRtc = undefined;
    this.#signal("frames/request", {});
  }

  async #onFrame(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.#usesFrames) return;
    const { width = 0, height = 0 } = this.#status ?? {};
    try {
      this.#canvas ??= FrameCanvas.create(width, height);
      await this.#canvas?.draw(frame);
    } catch (error) {
      this.#errors.emit(error instanceof Error ? error : new Error(String(error)));
    }
    // The server sends the next one when this one is shown.
    this.#signal("frames/ack", {});
    this.#frames.emit(frame);
    if (this.#isConnected) return;
    this.#connected();
    if (this.#canvas !== undefined) this.#show(this.#canvas.stream);
  }

  #show(stream: PageMediaStream): void {
    this.#stream = stream;
    this.#tracks.emit(stream);
  }

  #connected(): void {
    clearTimeout(this.#timer);
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#connects.emit(undefined);
  }

  #signal(event: string, payload: object): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(JSON.stringify({ event, payload }));
  }

  /** Input before the connection is dropped: nobody has seen what it is for. */
  #sendInput(message: ArrayBuffer): void {
    if (this.#viewOnly) return;
    if (!this.#usesFrames) this.#webRtc?.send(message);
    else if (this.socket.readyState === this.socket.OPEN) this.socket.send(message);
  }

  #tearDown(): void {
    clearTimeout(this.#timer);
    this.#webRtc?.close();
    this.#webRtc = undefined;
    this.#canvas?.close();
    this.#canvas = undefined;
    this.#stream = undefined;
    this.#isConnected = false;
  }
}
