/** When a jail gets a broker, and when it does not. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { missing, openGate, temporaryDirectory } from "./support.ts";

const needs = { skip: missing("bwrap") };
const jail = { jailId: "one", session: "s", group: "default" };
const broker = (code: string) => (error: unknown) => isErrorCode(error, "broker", code);

test("a jail has one broker at a time, also while the first is being opened", needs, async (t) => {
  const gate = await openGate(t);
  const opening = gate.openBroker(jail);
  await assert.rejects(gate.openBroker(jail), broker("duplicate_jail"));
  const first = await opening;
  await assert.rejects(gate.openBroker(jail), broker("duplicate_jail"));
  await first.close();
  const second = await gate.openBroker(jail);
  assert.notEqual(second.directory, first.directory);
});

test(
  "a data directory whose path no socket fits into has them elsewhere, and takes them away",
  needs,
  async (t) => {
    const dataDir = join(temporaryDirectory(t), "d".repeat(100));
    const gate = await openGate(t, { dataDir });
    const { directory } = await gate.openBroker(jail);
    assert.ok(!directory.startsWith(dataDir));
    assert.equal(statSync(dirname(directory)).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(directory).sort(), ["events.sock", "request.sock"]);
    await gate.close();
    assert.equal(existsSync(dirname(directory)), false);
  },
);
