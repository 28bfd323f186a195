/**
 * Live picture of a desktop, and input from its viewers: by WebRTC with the signaling of the peer, or where UDP does
 * not pass, as JPEG frames through the same WebSocket. May use the input and the programs of the desktop.
 */
import type { WebSocket } from "ws";
import { problem } from "../../http/problem.ts";
import type { SandboxLimits } from "../../limits.ts";
import { notActive } from "../errors.ts";
import type { StreamSettings, StreamStatus } from "../types.ts";
import { requireFfmpeg, type StreamedScreen } from "./ffmpeg.ts";
import { PictureEncoder } from "./picture-encoder.ts";
import { SharedEncoder } from "./shared-encoder.ts";
import { VideoEncoder } from "./video-encoder.ts";
import { Viewer } from "./viewer.ts";
import type { InputTarget } from "./viewer-input.ts";
import { loadWebRtc, type WebRtcLibrary } from "./webrtc-library.ts";

export interface DesktopStreamOptions {
  readonly screen: StreamedScreen;
  /** For the socket of ffmpeg; only this user may enter it. */
  readonly directory: string;
  readonly settings: StreamSettings;
  readonly target: InputTarget;
  readonly limits: Pick<SandboxLimits, "maxDesktopViewers" | "heartbeatMs">;
}

/** The stream of one active desktop. It runs from {@link start} to {@link stop}, and while someone looks. */
export class DesktopStream {
  readonly #options: DesktopStreamOptions;
  readonly #viewers = new Set<Viewer>();
  readonly #video: SharedEncoder;
  readonly #pictures: SharedEncoder;
  /** The latest picture, for viewers that come when nothing moves. */
  #latestPicture: Buffer | undefined;
  #library: WebRtcLibrary | undefined;
  #closed = false;

  constructor(options: DesktopStreamOptions) {
    this.#options = options;
    const { screen, settings, directory } = options;
    const failed = (transport: "webrtc" | "frames") => (message: string) => {
      for (const viewer of this.#viewers) viewer.encoderFailed(transport, `ffmpeg ended: ${message}`);
    };
    this.#video = new SharedEncoder(async () => {
      if (this.#closed) throw notActive();
      return await VideoEncoder.start(screen, settings.codec, (packet) => this.#sendPacket(packet));
    }, failed("webrtc"));
    this.#pictures = new SharedEncoder(async () => {
      if (this.#closed) throw notActive();
      this.#latestPicture = undefined;
      return await PictureEncoder.start(screen, directory, (jpeg) => this.#sendPicture(jpeg));
    }, failed("frames"));
  }

  status(): StreamStatus {
    const processId = this.#video.processId ?? this.#pictures.processId;
    return processId === undefined ? { active: false } : { active: true, processId };
  }

  /** Starts the encoder, which then runs without viewers too. Idempotent. */
  async start(): Promise<StreamStatus> {
    this.#library = await loadWebRtc();
    await (this.#library === undefined ? this.#pictures : this.#video).use(this);
    return this.status();
  }

  /** Disconnects the viewers and ends the encoders. Idempotent. */
  async stop(message = "the stream was stopped"): Promise<StreamStatus> {
    const viewers = [...this.#viewers];
    for (const viewer of viewers) viewer.disconnect(message, 1000, "sandbox.stream_stopped");
    await Promise.all([this.#video.end(), this.#pictures.end()]);
    return this.status();
  }

  /** Ends it for good, with its desktop. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.stop("the desktop ended");
  }

  /**
   * Serves a viewer until it leaves. Throws `conflict` for more viewers than may be, and
   * `desktop_dependencies_missing`.
   */
  async serve(socket: WebSocket, viewOnly: boolean): Promise<void> {
    this.#library = await loadWebRtc();
    const { maxDesktopViewers } = this.#options.limits;
    if (this.#closed) throw notActive();
    if (this.#viewers.size >= maxDesktopViewers) {
      throw problem("conflict", 409, `the stream has ${maxDesktopViewers} viewers, which is the limit`);
    }
    requireFfmpeg(this.#options.screen.launcher.env.PATH);
    const { screen, settings, target, limits } = this.#options;
    const viewer = new Viewer(socket, {
      ...{ screen, settings, target, viewOnly, video: this.#video, pictures: this.#pictures },
      library: this.#library,
      heartbeatMs: limits.heartbeatMs,
      latestPicture: () => this.#latestPicture,
    });
    this.#viewers.add(viewer);
    await viewer.left;
    this.#viewers.delete(viewer);
  }

  #sendPacket(bytes: Buffer): void {
    if (this.#library === undefined) return;
    const packet = this.#library.RtpPacket.deSerialize(bytes);
    for (const viewer of this.#viewers) viewer.sendPacket(packet);
  }

  #sendPicture(jpeg: Buffer): void {
    this.#latestPicture = jpeg;
    for (const viewer of this.#viewers) viewer.sendPicture(jpeg);
  }
}
