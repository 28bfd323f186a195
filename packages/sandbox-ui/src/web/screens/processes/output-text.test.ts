import assert from "node:assert/strict";
import { test } from "node:test";
import { maxShownCharacters, OutputText } from "./output-text.ts";

function entry(data: string | Uint8Array, stream: "stdout" | "stderr" | "pty" = "stdout") {
  return { data: Buffer.from(data).toString("base64"), encoding: "base64", stream };
}

test("a character split between two entries is decoded, separately for each stream", () => {
  const output = new OutputText();
  const bytes = Buffer.from("é");
  output.add(entry(bytes.subarray(0, 1)));
  output.add(entry("warning", "stderr"));
  output.add(entry(bytes.subarray(1)));
  assert.deepEqual(
    output.parts.map(({ stream, text }) => [stream, text]),
    [
      ["stderr", "warning"],
      ["stdout", "é"],
    ],
  );
});

test("colours and carriage returns are removed", () => {
  const output = new OutputText();
  output.add(entry("\u001b[31mred\u001b[0m\r\n\u001b]0;title\u0007next", "pty"));
  assert.equal(output.parts[0]?.text, "red\nnext");
});

test("the displayed output is bounded, and the newest is kept", () => {
  const output = new OutputText();
  const line = `${"x".repeat(999)}\n`;
  for (let count = 0; count < 600; count += 1) output.add(entry(line));
  output.add(entry("the end"));
  const text = output.parts.map((part) => part.text).join("");
  assert.ok(text.length <= maxShownCharacters, String(text.length));
  assert.ok(text.length > maxShownCharacters - 10_000, String(text.length));
  assert.ok(text.endsWith("the end"));
});
