import type { ServerHttp2Stream } from "node:http2";
import { type CallFrame, encodeFrame, FrameReader, type RequestHead } from "./call-frames.ts";
import { type AnswerSender, ChannelExchange, type HeldAnswer } from "./channel-exchange.ts";
import type { LinkExchange } from "./link-exchange.ts";

/** Calls of another node that arrive over one stream, and their answers. */
export class AnswerChannel implements AnswerSender {
  readonly #stream: ServerHttp2Stream;
  readonly #answer: (kind: RequestHead["kind"], exchange: ChannelExchange) => boolean;
  readonly #open = new Map<number, ChannelExchange>();
  readonly #held = new Map<number, HeldAnswer>();
  #isCorked = false;

  /** `answer` handles a call; false if its path is not the gateway's. */
  constructor(
    stream: ServerHttp2Stream,
    answer: (kind: RequestHead["kind"], exchange: ChannelExchange) => boolean,
  ) {
    this.#stream = stream;
    this.#answer = answer;
    const reader = new FrameReader((frame) => this.#receive(frame));
    stream.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch {
        stream.close();
      }
    });
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

  /** Frames of one turn of the event loop leave together. */
  send(frame: Buffer): void {
    this.#open.delete(frame.readUInt32BE(5));
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      stream.cork();
      setImmediate(() => {
        this.#isCorked = false;
        stream.uncork();
      });
    }
    stream.write(frame);
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
