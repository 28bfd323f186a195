import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { commandHint } from "./command-hint.ts";

test("a suggested command includes the data directory unless it is the default", () => {
  assert.equal(
    commandHint("agents install codex", resolve(".holdfast")),
    "npx holdfast agents install codex",
  );
  assert.equal(
    commandHint("agents install codex", "/srv/my data"),
    "npx holdfast agents install codex --data '/srv/my data'",
  );
});
