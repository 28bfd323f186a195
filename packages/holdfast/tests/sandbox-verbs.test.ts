/** The verbs of the sandbox that the command has by shorter names too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { command } from "./support.ts";

test("sandboxes and sessions are verbs of their own that do what those of the sandbox do", async () => {
  const nowhere = ["--endpoint", "http://127.0.0.1:1", "--no-token"];
  const cases: readonly (readonly [readonly string[], readonly string[], number])[] = [
    [["sandboxes", "--help"], ["sandbox", "--help"], 0],
    [["sessions", "--help"], ["sandbox", "sessions", "--help"], 0],
    [["help", "sessions"], ["sandbox", "sessions", "--help"], 0],
    [["sessions", "list", ...nowhere], ["sandbox", "sessions", "list", ...nowhere], 1],
    [["sandboxes", "processes", "list", ...nowhere], ["sandbox", "processes", "list", ...nowhere], 1],
    [["sessions", "lst"], ["sandbox", "sessions", "lst"], 2],
  ];
  for (const [short, long, code] of cases) {
    const [answer, expected] = await Promise.all([command(short), command(long)]);
    assert.deepEqual(answer, expected, short.join(" "));
    assert.equal(answer.code, code, answer.stderr);
  }
});
