/** A host that has no descriptors left refuses what it cannot start, and goes on. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

test("a program that cannot start without free descriptors is refused, and the gate goes on", () => {
  const program = join(import.meta.dirname, "host-without-descriptors.ts");
  const printed = execFileSync(
    "/bin/sh",
    ["-c", 'ulimit -n 128 && exec "$@"', "sh", process.execPath, program],
    { encoding: "utf8" },
  );
  const [endpoint = "", ...jails] = printed.trim().split("\n");
  assert.match(endpoint, /^broker\.endpoint_failed /);
  // Nothing is wrong with the programs, so nobody is sent to install them again.
  const shortage = "this process has too many open files. Raise its limit (ulimit -n)";
  assert.deepEqual(jails, [
    `jail.unavailable /bin/true could not be started: ${shortage}`,
    `jail.start_failed The jail did not start: the shell could not be started: ${shortage}`,
    `jail.start_failed The jail did not start: the shell could not be started: ${shortage}`,
    `jail.start_failed The jail did not start: container could not be started: ${shortage}`,
  ]);
});
