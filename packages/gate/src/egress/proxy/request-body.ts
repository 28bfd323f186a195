import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError } from "@holdfast/core";
import type { EgressLimits } from "../egress-limits.ts";

/** Buffers whole request bodies of one jail, bounded per body and for all bodies in memory at once. */
export class BodyReader {
  readonly #limits: EgressLimits;
  #held = 0;

  constructor(limits: EgressLimits) {
    this.#limits = limits;
  }

  /**
   * Reads the body, whose memory counts until `done` is called.
   * Throws `egress.request_too_large`, `egress.too_many_requests`.
   */
  async read(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<{ readonly body: Buffer; readonly done: () => void }> {
    if (request.headers.expect !== undefined) response.writeContinue();
    const chunks: Buffer[] = [];
    let bytes = 0;
    let held = true;
    const done = () => {
      if (held) this.#held -= bytes;
      held = false;
    };
    try {
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        const data = chunk as Buffer;
        bytes += data.length;
        this.#held += data.length;
        if (bytes > this.#limits.maxMeteredBytes) {
          throw new HoldfastError(
            "egress",
            "request_too_large",
            `A request to a model holds at most ${this.#limits.maxMeteredBytes} bytes`,
            { statusCode: 413 },
          );
        }
        if (this.#held > this.#limits.maxHeldBytes) {
          throw new HoldfastError(
            "egress",
            "too_many_requests",
            "Too many large requests. Try again in a moment",
            {
              statusCode: 429,
            },
          );
        }
        chunks.push(data);
      }
    } catch (error) {
      done();
      throw error;
    }
    return { body: Buffer.concat(chunks), done };
  }
}
