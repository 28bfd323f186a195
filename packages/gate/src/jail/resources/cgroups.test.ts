/** Control groups of jails in plain directories, where everything written for the kernel can be read. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { type CgroupSupport, createCgroup, throttlingOf } from "./cgroups.ts";

type Hierarchy = CgroupSupport["hierarchies"][number];

function base(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `holdfast-${name}-`));
  removeAtExit(directory);
  return directory;
}

/** Content of the files below a directory. */
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

test("what a jail reads and writes in a second is bounded in its group, a line for each disk", () => {
  const [first, second, without] = [base("v1"), base("v2"), base("none")];
  const hierarchies: Hierarchy[] = [
    { version: 1, base: first, resources: ["io"] },
    { version: 2, base: second, resources: ["pids", "io"] },
    { version: 2, base: without, resources: ["pids"] },
  ];
  const disks = [
    { major: 8, minor: 16, path: "/dev/sdb" },
    { major: 259, minor: 0, path: "/dev/nvme0n1" },
  ];
  const limits = {
    ...{ diskReadBytesPerSecond: 4_194_304, diskWriteBytesPerSecond: 1_048_576 },
    ...{ diskReadsPerSecond: 400, diskWritesPerSecond: 100 },
  };
  createCgroup({ hierarchies, absent: {} }, "all", limits, disks);
  assert.deepEqual(written(join(first, "all")), {
    "blkio.throttle.read_bps_device": "8:16 4194304\n259:0 4194304\n",
    "blkio.throttle.read_iops_device": "8:16 400\n259:0 400\n",
    "blkio.throttle.write_bps_device": "8:16 1048576\n259:0 1048576\n",
    "blkio.throttle.write_iops_device": "8:16 100\n259:0 100\n",
  });
  assert.deepEqual(written(join(second, "all")), {
    "io.max":
      "8:16 rbps=4194304 wbps=1048576 riops=400 wiops=100\n259:0 rbps=4194304 wbps=1048576 riops=400 wiops=100\n",
  });
  assert.deepEqual(written(join(without, "all")), {});
  createCgroup({ hierarchies, absent: {} }, "one", { diskWritesPerSecond: 100 }, disks.slice(1));
  assert.deepEqual(written(join(first, "one")), { "blkio.throttle.write_iops_device": "259:0 100\n" });
  assert.deepEqual(written(join(second, "one")), { "io.max": "259:0 wiops=100\n" });
  createCgroup({ hierarchies, absent: {} }, "free", { pids: 8 }, disks);
  assert.deepEqual([written(join(first, "free")), written(join(second, "free"))], [{}, { "pids.max": "8" }]);
  const versions = [hierarchies, hierarchies.slice(1), hierarchies.slice(2)].map((each) =>
    throttlingOf({ hierarchies: each, absent: {} }),
  );
  assert.deepEqual(versions, [1, 2, undefined]);
});

test("a control group that cannot be made leaves nothing behind and does not touch others", () => {
  const [first, second] = [base("mine"), base("taken")];
  const theirs = join(second, "jail");
  mkdirSync(theirs);
  const hierarchies: Hierarchy[] = [first, second].map((each) => ({ version: 2, base: each, resources: [] }));
  assert.throws(() => createCgroup({ hierarchies, absent: {} }, "jail", {}), { code: "EEXIST" });
  assert.deepEqual([existsSync(join(first, "jail")), existsSync(theirs)], [false, true]);
});
