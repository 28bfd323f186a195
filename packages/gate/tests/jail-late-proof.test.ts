/** Guarantees that are proven before the first jail instead of at the start of the gate. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { BubblewrapDriver } from "../src/jail/bubblewrap/bubblewrap-driver.ts";
import { LateProofDriver } from "../src/jail/late-proof-driver.ts";
import { finish, missing, shell, temporaryDirectory } from "./support.ts";

const skip = missing("bwrap");

test("the first jail waits for the proof, and so does the status", { skip }, async (t) => {
  const driver = new LateProofDriver(
    new BubblewrapDriver({ directory: join(temporaryDirectory(t), "jails") }),
  );
  t.after(() => driver.close());
  assert.deepEqual(driver.guarantees, []);
  assert.equal((await finish(await driver.start(shell("echo in")))).stdout, "in\n");
  const proven = driver.guarantees;
  assert.ok(proven.some(({ name, held }) => name === "network.none" && held));
  await driver.prove();
  assert.equal(driver.guarantees, proven, "proven once");
});

test("a machine whose jails do not hold gets none", { skip }, async (t) => {
  const directory = join(temporaryDirectory(t), "jails");
  const driver = new LateProofDriver(new BubblewrapDriver({ directory, omit: new Set(["network"]) }));
  t.after(() => driver.close());
  assert.equal(driver.refusal, undefined);
  const refused = (error: unknown) =>
    isErrorCode(error, "jail", "unavailable") && /network\.none/.test(error.message);
  // Also without a requirement of its own.
  for (const spec of [shell("true"), { ...shell("true"), requires: [] }])
    await assert.rejects(driver.start(spec), refused);
  await driver.prove();
  assert.ok(refused(driver.refusal));
});
