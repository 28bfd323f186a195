import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LineSplitter } from "./lines.ts";

function split(maxBytes: number, ...parts: readonly (string | Buffer)[]) {
  const lines: string[] = [];
  const overflows: string[] = [];
  const splitter = new LineSplitter(
    maxBytes,
    (line) => lines.push(line),
    (head) => overflows.push(head),
  );
  for (const part of parts) splitter.push(Buffer.from(part));
  return { lines, overflows, rest: splitter.end() };
}

describe("LineSplitter", () => {
  test("lines are joined from chunks of any size, even if a cut is inside a character", () => {
    const bytes = Buffer.from('{"a":"🦉"}\r\n\n  \n{"b":1}\n{"c"');
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const result = split(100, bytes.subarray(0, cut), bytes.subarray(cut));
      assert.deepEqual(result, { lines: ['{"a":"🦉"}', '{"b":1}'], overflows: [], rest: '{"c"' });
    }
  });

  test("a line at the limit is delivered; one byte more is reported once and skipped", () => {
    assert.deepEqual(split(5, "12345\n").lines, ["12345"]);
    const result = split(5, "123", "456", "789", "\nabc\n");
    assert.deepEqual(result.lines, ["abc"]);
    assert.equal(result.overflows.length, 1);
    assert.equal(split(5, "1234567").rest, undefined);
  });
});
