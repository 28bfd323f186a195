import type { Http2Stream } from "node:http2";
import { type CallFrame, FrameReader } from "./call-frames.ts";

/** The frames of a stream, in both directions. One that sends what is no frame loses its stream. */
export class FrameStream {
  readonly #stream: Http2Stream;
  #isCorked = false;
  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#stream.uncork();
  };

  constructor(stream: Http2Stream, receive: (frame: CallFrame) => void) {
    this.#stream = stream;
    const reader = new FrameReader(receive);
    stream.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch {
        stream.close();
      }
    });
  }

  /**
   * Frames of one tick leave together, and those of one turn of the event loop in one packet, which HTTP/2 sees to. Does
   * nothing once the stream has ended.
   */
  send(frame: Buffer): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      stream.cork();
      process.nextTick(this.#uncork);
    }
    stream.write(frame);
  }
}
