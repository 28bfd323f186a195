import type { ServerHttp2Stream } from "node:http2";
import { type CallFrame, encodeFrame, type RequestHead } from "./call-frames.ts";
import { type AnswerSender, ChannelExchange, type HeldAnswer } from "./channel-exchange.ts";
import { FrameStream } from "./frame-stream.ts";
import type { LinkExchange } from "./link-exchange.ts";

/** Calls of another node that arrive over one stream, and their answers. */
export class AnswerChannel implements AnswerSender {
  readonly #frames: FrameStream;
  readonly #answer: (kind: RequestHead["kind"], exchange: ChannelExchange) => boolean;
  readonly #open = new Map<number, ChannelExchange>();
  readonly #held = new Map<number, HeldAnswer>();

  /** `answer` handles a call; false if its path is not the gateway's. */
  constructor(
    stream: ServerHttp2Stream,
    answer: (kind: RequestHead["kind"], exchange: ChannelExchange) => boolean,
  ) {
    this.#answer = answer;
    this.#frames = new FrameStream(stream, (frame) => this.#receive(frame));
    stream.once("close", () => {
      for (const exchange of this.#open.values()) exchange.leave();
      this.#open.clear();
      for (const answer of this.#held.values()) answer.drop();
      this.#held.clear();
    });
  }

  /** Sends a held answer over a stream of its own; false if there is none. */
  fetch(call: number, exchange: LinkExchange): boolean {
    const answer = this.#held.get(call);
    this.#held.delete(call);
    answer?.send(exchange);
    return answer !== undefined;
  }

  hold(call: number, answer: HeldAnswer): void {
    this.#held.set(call, answer);
  }

  send(frame: Buffer): void {
    this.#open.delete(frame.readUInt32BE(5));
    this.#frames.send(frame);
  }

  #receive({ type, call, head, body }: CallFrame): void {
    if (type === "cancel") {
      this.#open.get(call)?.leave();
      this.#open.delete(call);
      this.#held.get(call)?.drop();
      this.#held.delete(call);
      return;
    }
    if (type !== "request") throw new RangeError("The frame is not one of a caller");
    const { kind } = head as RequestHead;
    const exchange = new ChannelExchange(call, head as RequestHead, body, this);
    this.#open.set(call, exchange);
    if (!this.#answer(kind, exchange)) this.send(encodeFrame("response", call, { status: 404, headers: {} }));
  }
}
