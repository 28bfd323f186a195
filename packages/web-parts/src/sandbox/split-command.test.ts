import assert from "node:assert/strict";
import { test } from "node:test";
import { splitCommand } from "./split-command.ts";

test("a command line becomes words as a shell would split them", () => {
  assert.deepEqual(splitCommand("npm run dev"), ["npm", "run", "dev"]);
  assert.deepEqual(splitCommand("  sh -c \"echo 'a b'; sleep 1\"  "), ["sh", "-c", "echo 'a b'; sleep 1"]);
  assert.deepEqual(splitCommand("echo a\\ b ''"), ["echo", "a b", ""]);
  assert.deepEqual(splitCommand("echo 'a\\b'"), ["echo", "a\\b"]);
  assert.deepEqual(splitCommand(""), []);
});

test("an unterminated quote is reported", () => {
  assert.equal(splitCommand("echo 'a"), undefined);
  assert.equal(splitCommand('echo "a'), undefined);
});
