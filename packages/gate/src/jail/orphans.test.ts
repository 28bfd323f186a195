/** Recovery of the records that a killed host left. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { JailRecords } from "./orphans.ts";

function setup() {
  const above = mkdtempSync(join(tmpdir(), "holdfast-orphans-"));
  removeAtExit(above);
  const directory = join(above, "jails");
  return { directory, records: new JailRecords(directory) };
}

const group = "/sys/fs/cgroup/holdfast-0123/jail";

test("groups of jails from this boot are returned once, and their records removed", () => {
  const { directory, records } = setup();
  records.write("one", [group]);
  records.write("two", []);
  records.write("over", ["/sys/fs/cgroup/holdfast-0123/over"]);
  records.remove("over");
  assert.deepEqual(records.take(), { jails: 2, cgroups: [group] });
  assert.deepEqual(readdirSync(directory), []);
  assert.deepEqual(records.take(), { jails: 0, cgroups: [] });
});

test("a jail record of another boot, of another version, or cut off is ignored", () => {
  const { directory, records } = setup();
  records.write("one", [group]);
  const path = join(directory, "one.json");
  const record = JSON.parse(readFileSync(path, "utf8")) as object;
  const others = [
    { ...record, bootId: "another" },
    { ...record, version: 2 },
    { ...record, cgroups: "all" },
    null,
    [],
  ];
  for (const each of [
    ...others.map((other) => JSON.stringify(other)),
    readFileSync(path, "utf8").slice(0, -1),
  ]) {
    writeFileSync(path, each);
    assert.deepEqual(records.take(), { jails: 0, cgroups: [] }, each);
    assert.deepEqual(readdirSync(directory), []);
  }
});

test("a record never ends control groups that no gate made", () => {
  const { records } = setup();
  records.write("one", ["/sys/fs/cgroup/user.slice", "holdfast-relative/holdfast-1/x", group]);
  assert.deepEqual(records.take(), { jails: 1, cgroups: [group] });
});

test("records are readable and writable by their owner only", () => {
  const { directory, records } = setup();
  records.write("one", []);
  const modes = [directory, join(directory, "one.json")].map((path) => statSync(path).mode & 0o777);
  assert.deepEqual(modes, [0o700, 0o600]);
});
