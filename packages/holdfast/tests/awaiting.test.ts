import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "./support.ts";

/** What the program has printed, and its exit code: 13 where Node found nothing left to wait for. */
function run(t: Parameters<typeof scratch>[0], what: string): Promise<{ lines: string[]; code: unknown }> {
  const program = join(import.meta.dirname, "awaiting-program.ts");
  return new Promise((resolve) => {
    execFile(process.execPath, [program, scratch(t), what], { timeout: 60_000 }, (error, stdout) => {
      resolve({ lines: stdout.trim().split("\n"), code: error?.code ?? 0 });
    });
  });
}

const awaited = {
  call: ["nothing", "slept", "ended"],
  workflow: ["4", "ended"],
  send: ["{ status: 'timedOut' }", "slept", "ended"],
  event: ["1", "slept", "ended"],
  shutdown: ["slept", "interrupted", "ended"],
};

for (const [what, lines] of Object.entries(awaited)) {
  test(`a program that awaits an actor of its own process does not end before: ${what}`, async (t) => {
    assert.deepEqual(await run(t, what), { lines, code: 0 });
  });
}

test("a program whose actors are idle ends by itself", async (t) => {
  assert.deepEqual(await run(t, "left"), { lines: ["pong", "ended"], code: 0 });
});
