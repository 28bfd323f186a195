import type {
  DataChannel,
  PageMediaStream,
  PeerConnection,
  PeerConnectionConstructor,
} from "./media-types.ts";
import { page } from "./media-types.ts";

export interface WebRtcEvents {
  readonly onTrack: (stream: PageMediaStream) => void;
  readonly onConnect: () => void;
  readonly onFail: (error: Error) => void;
  readonly onCandidate: (candidate: object) => void;
}

/** The WebRTC connection of a viewer: it answers offers of the server. */
export class WebRtc {
  readonly #connection: PeerConnection;
  #channel: DataChannel | undefined;
  #candidates: object[] = [];
  #hasOffer = false;
  #closed = false;

  constructor(Connection: PeerConnectionConstructor, configuration: object, events: WebRtcEvents) {
    this.#connection = new Connection(configuration);
    this.#connection.ontrack = ({ streams, track }) => {
      const stream =
        streams[0] ?? (page.MediaStream === undefined ? undefined : new page.MediaStream([track]));
      if (stream !== undefined) events.onTrack(stream as PageMediaStream);
    };
    this.#connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null) events.onCandidate(candidate.toJSON());
    };
    this.#connection.ondatachannel = ({ channel }) => {
      this.#channel = channel;
    };
    this.#connection.onconnectionstatechange = () => {
      const { connectionState } = this.#connection;
      if (this.#closed) return;
      if (connectionState === "connected") events.onConnect();
      if (connectionState === "failed") events.onFail(new Error("The WebRTC connection failed"));
    };
  }

  /** Takes an offer; resolves to the answer. */
  async answer(sdp: string): Promise<string> {
    await this.#connection.setRemoteDescription({ type: "offer", sdp });
    this.#hasOffer = true;
    for (const candidate of this.#candidates.splice(0)) await this.addCandidate(candidate);
    const answer = await this.#connection.createAnswer();
    await this.#connection.setLocalDescription(answer);
    return answer.sdp ?? "";
  }

  async addCandidate(candidate: object): Promise<void> {
    if (!this.#hasOffer) this.#candidates.push(candidate);
    // An address of a kind that this browser does not know leaves the others.
    else await this.#connection.addIceCandidate(candidate).catch(() => {});
  }

  /** False while there is no channel. */
  send(message: ArrayBuffer): boolean {
    if (this.#channel?.readyState !== "open") return false;
    this.#channel.send(message);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#connection.close();
  }
}
