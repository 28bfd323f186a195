import type { ClientHttp2Stream } from "node:http2";
import type { Cancellation } from "../forwarding/departure.ts";
import { LinkLost, Misdirected } from "../link-lost.ts";
import { type CallFrame, encodeFrame, type RequestHead, type ResponseHead } from "./call-frames.ts";
import { FrameStream } from "./frame-stream.ts";

/** The answer of another node: complete, or to be fetched over a stream of its own. */
export type ChannelAnswer =
  | { readonly type: "response"; readonly head: ResponseHead; readonly body: Uint8Array }
  | { readonly type: "streamed"; readonly call: number };

interface PendingCall {
  readonly resolve: (answer: ChannelAnswer | Misdirected) => void;
  readonly reject: (error: LinkLost) => void;
  readonly signal: Cancellation | undefined;
  readonly leave: () => void;
}

/** Bytes that may wait for the network; beyond it, calls take streams of their own, which push back. */
const maxWaitingBytes = 4 * 1_048_576;

/**
 * Small calls to another node and their answers, as frames of one stream: a stream for each would cost more than many
 * of the calls themselves.
 */
export class CallChannel {
  readonly #stream: ClientHttp2Stream;
  readonly #frames: FrameStream;
  readonly #pending = new Map<number, PendingCall>();
  #nextCall = 1;

  /** Takes over a stream of kind `calls` whose peer has accepted it. */
  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    this.#frames = new FrameStream(stream, (frame) => this.#settle(frame));
    stream.on("error", () => undefined);
    stream.once("close", () => {
      for (const pending of this.#pending.values()) {
        pending.signal?.removeEventListener("abort", pending.leave);
        pending.reject(new LinkLost(true, new Error("The node left")));
      }
      this.#pending.clear();
    });
  }

  /** False if the channel has ended, or its peer reads too slowly. */
  get isUsable(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed && this.#stream.writableLength < maxWaitingBytes;
  }

  /** Sends a request. Throws `LinkLost`; an abort cancels the call at the other node and rejects with the reason. */
  call(
    head: RequestHead,
    body: Uint8Array | undefined,
    signal: Cancellation | undefined,
  ): Promise<ChannelAnswer | Misdirected> {
    if (!this.isUsable) return Promise.reject(new LinkLost(false, new Error("The channel has ended")));
    const call = this.#nextCall;
    this.#nextCall = (call + 1) >>> 0;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#pending.delete(call);
        this.#frames.send(encodeFrame("cancel", call, undefined));
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#pending.set(call, { resolve, reject, signal, leave });
      this.#frames.send(encodeFrame("request", call, head, body));
    });
  }

  #settle({ type, call, head, body }: CallFrame): void {
    const pending = this.#pending.get(call);
    // It was cancelled.
    if (pending === undefined) return;
    this.#pending.delete(call);
    pending.signal?.removeEventListener("abort", pending.leave);
    switch (type) {
      case "response":
        return pending.resolve({ type, head: head as ResponseHead, body });
      case "streamed":
        return pending.resolve({ type, call });
      case "misdirected":
        return pending.resolve(new Misdirected((head as { readonly revision: number }).revision));
      case "request":
      case "cancel":
        this.#stream.close();
    }
  }
}
