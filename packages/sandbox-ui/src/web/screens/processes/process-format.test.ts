import assert from "node:assert/strict";
import { test } from "node:test";
import { splitCommand } from "@holdfast/web-parts/sandbox";
import { formatCommand } from "./process-format.ts";

test("a command is shown as it was typed", () => {
  for (const words of [["a"], ["sh", "-c", "echo 'x'; ls"], ["echo", "", "a b", '"', "$HOME", "\\"]]) {
    const [command = "", ...args] = words;
    assert.deepEqual(splitCommand(formatCommand({ command, args })), words);
  }
});
