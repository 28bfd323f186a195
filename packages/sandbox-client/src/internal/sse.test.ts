import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { readEvents, type SseEvent } from "./sse.ts";

async function read(maxBytes: number, ...parts: readonly Uint8Array[]): Promise<SseEvent[]> {
  async function* chunks() {
    yield* parts;
  }
  return await Array.fromAsync(readEvents(chunks(), maxBytes, () => {}));
}

describe("readEvents", () => {
  test("reads events from any cuts, also within a character", async () => {
    const bytes = new TextEncoder().encode(
      ': heartbeat\n\nevent: message\nid: 7\ndata: {"a":\ndata: "🦉"}\n\ndata:x\r\n\r\nid\nevent: other\ndata: y\n\ndata: cut',
    );
    const expected = [
      { event: "message", id: "7", data: '{"a":\n"🦉"}' },
      { event: "message", id: "7", data: "x" },
      { event: "other", id: "", data: "y" },
    ];
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      assert.deepEqual(await read(100, bytes.subarray(0, cut), bytes.subarray(cut)), expected);
    }
  });

  test("an event over the limit is refused, with and without line breaks", async () => {
    const tooLarge = (error: unknown) => isErrorCode(error, "sandbox", "answer_too_large");
    const encode = (text: string) => new TextEncoder().encode(text);
    await assert.rejects(read(100, encode("data: "), encode("x".repeat(101))), tooLarge);
    await assert.rejects(read(100, encode(`data: ${"x".repeat(60)}\ndata: ${"x".repeat(60)}\n\n`)), tooLarge);
  });
});
