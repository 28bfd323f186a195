import { randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import type { Managed } from "../../processes/managed.ts";
import type { VideoCodec } from "../types.ts";
import { endCapture, type StreamedScreen, startCapture } from "./ffmpeg.ts";
import { vp9Marker } from "./vp9-packets.ts";

/** Leaves room for the headers of SRTP, UDP and IPv6 in the smallest packet that a network has to carry whole. */
const maxPacketBytes = 1_100;
const payloadType = 96;
const receiveBufferBytes = 4 * 1_048_576;

/** Packets of video: ffmpeg encodes the screen once, whatever the number of viewers. */
export class VideoEncoder {
  readonly process: Managed;
  readonly #socket: Socket;

  private constructor(process: Managed, socket: Socket) {
    this.process = process;
    this.#socket = socket;
  }

  /** Calls `onPacket` with each RTP packet. */
  static async start(
    screen: StreamedScreen,
    codec: VideoCodec,
    onPacket: (packet: Buffer) => void,
  ): Promise<VideoEncoder> {
    const ssrc = randomInt(1, 2 ** 31);
    const mark = codec === "vp9" ? vp9Marker() : undefined;
    const socket = await receive(ssrc, (packet) => {
      mark?.(packet);
      onPacket(packet);
    });
    const { port } = socket.address();
    try {
      const process = await startCapture(screen, [
        ...encoderOptions(codec, screen.frameRate),
        ...["-ssrc", String(ssrc), "-payload_type", String(payloadType), "-f", "rtp"],
        `rtp://127.0.0.1:${port}?pkt_size=${maxPacketBytes}&rtcpport=${port}`,
      ]);
      return new VideoEncoder(process, socket);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#socket.close();
    await endCapture(this.process);
  }
}

/** Receives packets on a port of its own. Another program does not know the source identifier. */
async function receive(ssrc: number, onPacket: (packet: Buffer) => void): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: receiveBufferBytes });
  socket.on("message", (packet) => {
    if (packet.length < 12 || packet.readUInt32BE(8) !== ssrc) return;
    // The reports of the sender (RTCP) arrive here too.
    if (((packet[1] ?? 0) & 0x7f) === payloadType) onPacket(packet);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, "127.0.0.1", resolve);
  });
  socket.on("error", () => {});
  return socket;
}

/**
 * A picture that needs no other one every second, since ffmpeg cannot be asked for one when a viewer comes late.
 * Browsers decode 4:2:0 only, which covers two by two pixels.
 */
function encoderOptions(codec: VideoCodec, frameRate: number): readonly string[] {
  const common = ["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p", "-g", String(frameRate)];
  const vpx = ["-deadline", "realtime", "-lag-in-frames", "0", "-error-resilient", "1", "-b:v", "4M"];
  switch (codec) {
    case "vp8":
      return [...common, "-c:v", "libvpx", ...vpx, "-cpu-used", "16", "-threads", "1"];
    case "vp9":
      return [
        ...[...common, "-c:v", "libvpx-vp9", ...vpx, "-cpu-used", "8", "-row-mt", "1"],
        // ffmpeg calls its VP9 over RTP experimental.
        ...["-strict", "experimental"],
      ];
    case "h264":
      return [
        ...[...common, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"],
        ...["-profile:v", "baseline", "-crf", "24", "-maxrate", "6M", "-bufsize", "3M"],
      ];
  }
}
