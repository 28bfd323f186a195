import { isHoldfastError } from "@holdfast/core";
import type { RtpPacket } from "werift";
import type { WebSocket } from "ws";
import { invalid, problem } from "../../http/problem.ts";
import { Mutex } from "../../internal/mutex.ts";
import type { StreamSettings } from "../types.ts";
import { PictureSender } from "./picture-sender.ts";
import type { SharedEncoder } from "./shared-encoder.ts";
import { type ClientMessage, parseMessage, type ServerMessage, type Transport } from "./signaling.ts";
import { type InputTarget, ViewerInput } from "./viewer-input.ts";
import type { WebRtcLibrary } from "./webrtc-library.ts";
import { WebRtcPeer } from "./webrtc-peer.ts";

export interface ViewerOptions {
  readonly screen: { readonly width: number; readonly height: number };
  readonly settings: StreamSettings;
  readonly library: WebRtcLibrary | undefined;
  readonly target: InputTarget;
  /** Whether its input is ignored. */
  readonly viewOnly: boolean;
  readonly video: SharedEncoder;
  readonly pictures: SharedEncoder;
  /** The picture to begin with, as none follows while nothing moves. */
  readonly latestPicture: () => Buffer | undefined;
  readonly heartbeatMs: number;
}

const maxCandidates = 200;
/** Close codes: what the client did is against the rules, or the server failed. */
const refused = 1008;
const failed = 1011;

/** One viewer of the stream: its WebSocket, and how the picture gets to it. */
export class Viewer {
  /** Resolves when it has left and everything of it is gone. */
  readonly left: Promise<void>;
  readonly #socket: WebSocket;
  readonly #options: ViewerOptions;
  readonly #input: ViewerInput;
  readonly #changes = new Mutex();
  readonly #beat: NodeJS.Timeout;
  #peer: WebRtcPeer | undefined;
  #pictures: PictureSender | undefined;
  #candidates = 0;
  #isAlive = true;

  constructor(socket: WebSocket, options: ViewerOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#input = new ViewerInput(options.target, (error) => this.#fail(error));
    socket.on("message", (data, isBinary) => {
      if (Buffer.isBuffer(data)) this.#onMessage(data, isBinary);
    });
    socket.on("pong", () => {
      this.#isAlive = true;
    });
    this.#beat = setInterval(() => this.#heartbeat(), options.heartbeatMs);
    this.left = new Promise((resolve) => {
      socket.once("close", () => void this.#leave().finally(resolve));
    });
    const transports: Transport[] = options.library === undefined ? ["frames"] : ["webrtc", "frames"];
    const { width, height } = options.screen;
    this.#send({
      event: "system/init",
      payload: {
        screen_size: { width, height, rate: options.settings.frameRate },
        transports,
        viewOnly: options.viewOnly,
      },
    });
  }

  sendPacket(packet: RtpPacket): void {
    this.#peer?.send(packet);
  }

  sendPicture(jpeg: Buffer): void {
    this.#pictures?.push(jpeg);
  }

  /** Tells the reason and closes. */
  disconnect(message: string, code = failed, reason = "sandbox.stream_error"): void {
    this.#send({ event: "system/disconnect", payload: { message } });
    this.#socket.close(code, reason);
  }

  /** Ends it as {@link disconnect} if it uses this encoder. */
  encoderFailed(transport: Transport, message: string): void {
    const uses = transport === "webrtc" ? this.#peer : this.#pictures;
    if (uses !== undefined) this.disconnect(message);
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    try {
      if (isBinary) {
        this.#onInput(data);
        return;
      }
      const message = parseMessage(data.toString("utf8"));
      if (message.event === "frames/ack") {
        this.#pictures?.acknowledge();
        return;
      }
      void this.#changes.run(() => this.#handle(message)).catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  #onInput(message: Buffer): void {
    if (!this.#options.viewOnly) this.#input.push(message);
  }

  async #handle(message: ClientMessage): Promise<void> {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    switch (message.event) {
      case "signal/request":
        await this.#startWebRtc();
        return;
      case "signal/answer":
        await this.#answer(message.sdp);
        return;
      case "signal/candidate":
        this.#candidates += 1;
        if (this.#candidates > maxCandidates) throw invalid(`more than ${maxCandidates} candidates`);
        // A kind of address that is not understood leaves the others.
        await this.#peer?.addCandidate(message.candidate).catch(() => {});
        return;
      case "frames/request":
        await this.#startPictures();
        return;
      case "frames/ack":
      case "ignored":
        return;
    }
  }

  async #startWebRtc(): Promise<void> {
    const { library, settings, video } = this.#options;
    if (library === undefined) {
      const detail = "WebRTC needs the npm package werift beside the server: npm install werift";
      throw problem("desktop_dependencies_missing", 503, detail);
    }
    await this.#stopPictures();
    await this.#peer?.close();
    this.#candidates = 0;
    const peer = new WebRtcPeer(library, {
      codec: settings.codec,
      portRange: settings.portRange,
      onInput: (message) => this.#try(() => this.#onInput(message)),
    });
    this.#peer = peer;
    await video.use(this);
    this.#send({ event: "signal/provide", payload: { sdp: await peer.offer(), iceservers: [] } });
  }

  async #answer(sdp: string): Promise<void> {
    if (this.#peer === undefined) throw invalid("signal/answer came before an offer");
    await this.#peer.answer(sdp).catch((cause: unknown) => {
      throw invalid(`the answer cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`);
    });
  }

  async #startPictures(): Promise<void> {
    await this.#stopWebRtc();
    if (this.#pictures !== undefined) return;
    this.#pictures = new PictureSender(this.#socket);
    await this.#options.pictures.use(this);
    const latest = this.#options.latestPicture();
    if (latest !== undefined) this.#pictures.push(latest);
  }

  async #stopWebRtc(): Promise<void> {
    const peer = this.#peer;
    this.#peer = undefined;
    await this.#options.video.leave(this);
    await peer?.close();
  }

  async #stopPictures(): Promise<void> {
    this.#pictures = undefined;
    await this.#options.pictures.leave(this);
  }

  async #leave(): Promise<void> {
    clearInterval(this.#beat);
    // The display may have gone, and its keys with it.
    await this.#input.end().catch(() => {});
    await this.#changes.run(async () => {
      await this.#stopWebRtc();
      await this.#stopPictures();
    });
  }

  #try(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!isHoldfastError(error)) this.disconnect("the stream failed");
    else if (error.statusCode < 500) this.disconnect(error.message, refused, `${error.group}.${error.code}`);
    else this.disconnect(error.message, failed, `${error.group}.${error.code}`);
  }

  /** A viewer whose connection has died without a word would keep the encoder running. */
  #heartbeat(): void {
    if (!this.#isAlive) {
      this.#socket.terminate();
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }

  #send(message: ServerMessage): void {
    // Errors of a closing socket are ignored: its close event follows.
    this.#socket.send(JSON.stringify(message), () => {});
  }
}
