/** Groups of jails in plain folders, in which everything that a kernel would be told can be read. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { type CgroupSupport, createCgroup } from "./cgroups.ts";

type Hierarchy = CgroupSupport["hierarchies"][number];

function base(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `holdfast-${name}-`));
  removeAtExit(directory);
  return directory;
}

/** What is written below a folder, by file. */
function written(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), "utf8")]),
  );
}

test("the limits of a jail are those of its group, in either version", () => {
  const limits = { pids: 12, memoryBytes: 64 * 1024 * 1024, cpus: 0.5 };
  const all: Hierarchy["resources"] = ["memory", "pids", "cpu"];
  const [first, second] = [base("v1"), base("v2")];
  const group = createCgroup(
    {
      hierarchies: [
        { version: 1, base: first, resources: all },
        { version: 2, base: second, resources: all },
      ],
      absent: {},
    },
    "jail",
    limits,
  );
  assert.deepEqual(written(join(first, "jail")), {
    "cpu.cfs_period_us": "100000",
    "cpu.cfs_quota_us": "50000",
    "memory.limit_in_bytes": "67108864",
    "pids.max": "12",
  });
  assert.deepEqual(written(join(second, "jail")), {
    "cpu.max": "50000 100000",
    "memory.max": "67108864",
    "pids.max": "12",
  });
  assert.deepEqual(group.procsFiles, [
    join(first, "jail", "cgroup.procs"),
    join(second, "jail", "cgroup.procs"),
  ]);
});

test("a group that cannot be made leaves none behind, and those of others alone", () => {
  const [first, second] = [base("mine"), base("taken")];
  const theirs = join(second, "jail");
  mkdirSync(theirs);
  const hierarchies: Hierarchy[] = [first, second].map((each) => ({ version: 2, base: each, resources: [] }));
  assert.throws(() => createCgroup({ hierarchies, absent: {} }, "jail", {}), { code: "EEXIST" });
  assert.deepEqual([existsSync(join(first, "jail")), existsSync(theirs)], [false, true]);
});
