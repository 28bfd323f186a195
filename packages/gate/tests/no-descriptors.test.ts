/** A host that has no descriptors left refuses what it cannot start, and goes on. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

test("what cannot be started for want of descriptors is refused, and ends nothing else", () => {
  const program = join(import.meta.dirname, "host-without-descriptors.ts");
  const printed = execFileSync(
    "/bin/sh",
    ["-c", 'ulimit -n 128 && exec "$@"', "sh", process.execPath, program],
    { encoding: "utf8" },
  );
  assert.equal(printed.trim(), "broker.endpoint_failed jail.start_failed jail.start_failed");
});
