import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { chunksOf } from "./chunks.ts";

const sizes = { min: 256, average: 1_024, max: 4_096 };

/** Reproducible bytes. */
function bytes(seed: string, count: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at * 32 < count; at++) parts.push(createHash("sha256").update(`${seed} ${at}`).digest());
  return Buffer.concat(parts).subarray(0, count);
}

async function cut(content: Buffer, pieceBytes: number): Promise<Buffer[]> {
  async function* pieces() {
    for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(pieces(), sizes)) chunks.push(Buffer.from(chunk));
  return chunks;
}

test("chunks have bounded sizes, are the content, and do not depend on how the stream arrives", async () => {
  const content = bytes("a", 300_000);
  const chunks = await cut(content, 65_536);
  assert.deepEqual(Buffer.concat(chunks), content);
  assert.deepEqual(await cut(content, 777), chunks);
  for (const chunk of chunks.slice(0, -1)) {
    assert.ok(chunk.length >= sizes.min && chunk.length <= sizes.max, String(chunk.length));
  }
  assert.ok(chunks.length > 100, `only ${chunks.length} chunks`);
  // Zeros never make a cut.
  const zeros = await cut(Buffer.alloc(10_000), 1_000);
  assert.deepEqual(
    zeros.map(({ length }) => length),
    [4_096, 4_096, 1_808],
  );
});

test("an insertion changes the chunks around it only", async () => {
  const content = bytes("b", 200_000);
  const before = new Set((await cut(content, 9_999)).map((chunk) => chunk.toString("latin1")));
  const changed = Buffer.concat([
    content.subarray(0, 90_000),
    Buffer.from("inserted"),
    content.subarray(90_000),
  ]);
  const fresh = (await cut(changed, 9_999)).filter((chunk) => !before.has(chunk.toString("latin1")));
  assert.ok(fresh.length >= 1 && fresh.length <= 4, `${fresh.length} chunks changed`);
});
