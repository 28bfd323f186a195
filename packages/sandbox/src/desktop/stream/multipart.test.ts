import assert from "node:assert/strict";
import { test } from "node:test";
import { MultipartParser } from "./multipart.ts";

const part = (content: string) =>
  `--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: ${content.length}\r\n\r\n${content}\r\n`;

test("pictures are found however the output is cut", () => {
  const output = Buffer.from(part("first \r\n\r\n picture") + part("second") + part("third"));
  for (const size of [1, 7, 64, output.length]) {
    const parser = new MultipartParser();
    const found: string[] = [];
    for (let at = 0; at < output.length; at += size) {
      for (const picture of parser.push(output.subarray(at, at + size))) found.push(picture.toString());
    }
    assert.deepEqual(found, ["first \r\n\r\n picture", "second", "third"], `chunks of ${size}`);
  }
});

test("other output is refused", () => {
  assert.throws(() => new MultipartParser().push(Buffer.alloc(2_000, 65)), /no end/);
  for (const length of ["", "Content-length: 0", "Content-length: 99999999999"]) {
    assert.throws(
      () => new MultipartParser().push(Buffer.from(`--x\r\n${length}\r\n\r\n`)),
      /no valid length/,
    );
  }
});
