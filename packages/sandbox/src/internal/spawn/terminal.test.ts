import assert from "node:assert/strict";
import { test } from "node:test";
import { loadTerminals, Terminal } from "./terminal.ts";

test("the last output of a program is read even if the server is busy at its exit", async () => {
  const { PATH = "" } = process.env;
  const command = { program: "/bin/sh", args: ["-c", "seq 1 2000"], cwd: "/", env: { PATH } };
  const pieces: Buffer[] = [];
  const terminal = new Terminal(await loadTerminals(), command, { cols: 80, rows: 24 }, (bytes) => {
    pieces.push(bytes);
    // About as long as sending a chunk to a thousand viewers.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
  });
  assert.equal((await terminal.exited).exitCode, 0);
  const lines = Buffer.concat(pieces).toString().split("\r\n");
  assert.deepEqual([lines.length, lines.at(-2)], [2_001, "2000"]);
});
