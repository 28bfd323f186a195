import type { MediaStreamTrack, RTCPeerConnection, RtpPacket } from "werift";
import type { VideoCodec } from "../types.ts";
import type { WebRtcLibrary } from "./webrtc-library.ts";

export interface WebRtcPeerOptions {
  readonly codec: VideoCodec;
  readonly portRange: readonly [number, number] | undefined;
  readonly onInput: (message: Buffer) => void;
}

/** A candidate as browsers have them in JSON. */
export interface Candidate {
  readonly candidate: string;
  readonly sdpMid?: string;
  readonly sdpMLineIndex?: number;
}

/**
 * Header extension with the least and the most that a browser may wait before it shows a frame, here nothing: for calls
 * it evens out late frames, which for a desktop only makes the answer to a click late.
 */
const playoutDelay = {
  uri: "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
  none: Buffer.from([0, 0, 0]),
} as const;

/** The WebRTC connection to one viewer: a video track to it, and a data channel with its input. */
export class WebRtcPeer {
  readonly #library: WebRtcLibrary;
  readonly #connection: RTCPeerConnection;
  readonly #track: MediaStreamTrack;
  #connected = false;

  constructor(library: WebRtcLibrary, { codec, portRange, onInput }: WebRtcPeerOptions) {
    this.#library = library;
    this.#connection = new library.RTCPeerConnection({
      codecs: { audio: [], video: [codecParameters(library, codec)] },
      headerExtensions: { video: [new library.RTCRtpHeaderExtensionParameters({ uri: playoutDelay.uri })] },
      // One connection for both: the second one of each viewer would be left open when they are joined.
      bundlePolicy: "max-bundle",
      iceServers: [],
      // So that a browser on the same machine reaches it also without a network.
      iceAdditionalHostAddresses: ["127.0.0.1"],
      ...(portRange === undefined ? {} : { icePortRange: [portRange[0], portRange[1]] }),
    });
    this.#track = new library.MediaStreamTrack({ kind: "video" });
    this.#connection.addTransceiver(this.#track, { direction: "sendonly" });
    this.#connection.createDataChannel("data").onMessage.subscribe((data) => {
      onInput(typeof data === "string" ? Buffer.from(data) : data);
    });
    this.#connection.connectionStateChange.subscribe((state) => {
      this.#connected = state === "connected";
    });
  }

  /** The offer with all candidates in it. */
  async offer(): Promise<string> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    return this.#connection.localDescription?.sdp ?? "";
  }

  /** Rejects when the answer is none. */
  async answer(sdp: string): Promise<void> {
    const lines = sdp.split(/(?<=\n)/).filter((line) => !line.startsWith("a=candidate:") || !isHidden(line));
    await this.#connection.setRemoteDescription({ type: "answer", sdp: lines.join("") });
  }

  async addCandidate(candidate: Candidate): Promise<void> {
    if (isHidden(candidate.candidate)) return;
    await this.#connection.addIceCandidate(new this.#library.RTCIceCandidate(candidate));
  }

  send(packet: RtpPacket): void {
    if (!this.#connected) return;
    const { header } = packet;
    header.extension = true;
    // The library numbers the extensions of a connection from 1.
    header.extensions = [{ id: 1, payload: playoutDelay.none }];
    this.#track.writeRtp(packet);
  }

  async close(): Promise<void> {
    this.#connected = false;
    await this.#connection.close();
  }
}

/**
 * Whether a candidate has a name by multicast DNS in the place of its address, as browsers hide theirs. It is not
 * needed, since the browser connects to ours; to ask for it opens a socket that outlives the connection.
 */
function isHidden(candidate: string): boolean {
  return candidate.includes(".local ");
}

function codecParameters(library: WebRtcLibrary, codec: VideoCodec) {
  switch (codec) {
    case "vp8":
      return library.useVP8();
    case "vp9":
      return library.useVP9();
    case "h264":
      return library.useH264();
  }
}
