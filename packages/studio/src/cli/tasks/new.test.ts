import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "@holdfast/cli";
import { newCommand } from "./new.ts";

test("a new task has one agent, or 2 to 8 attempts", async () => {
  const wrong: readonly (readonly string[])[] = [
    ["--attempts", "claude", "x"],
    ["--attempts", "claude,,codex", "x"],
    ["--attempts", "a,b,c,d,e,f,g,h,i", "x"],
    ["--agent", "claude", "--attempts", "claude,codex", "x"],
    ["--attempts", "claude,codex", " "],
    ["--attempts", "claude,codex"],
  ];
  for (const args of wrong) await assert.rejects(newCommand(args), UsageError, args.join(" "));
});
