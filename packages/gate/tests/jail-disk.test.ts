/** What a jail may leave on the host's disk: by measure, on any file system, for any user. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createGate, type Gate, type JailLimits } from "@holdfast/gate";
import { diskWatchLimits } from "../src/jail/resources/disk-quota.ts";
import { finish, isRoot, missing, provenJails, shell, temporaryDirectory } from "./support.ts";

const megabyte = 1024 * 1024;

describe("the writable mounts of a jail", { skip: missing("bwrap", "du") }, () => {
  const cleanups: (() => unknown)[] = [];
  const scratch = () => temporaryDirectory({ after: (end) => cleanups.push(end) });
  let gate: Gate;
  before(async () => {
    gate = await createGate({ dataDir: scratch(), jails: provenJails, vault: { env: {}, logins: false } });
  });
  after(async () => {
    await gate?.close();
    for (const end of cleanups) end();
  });

  async function fill(script: string, limits: JailLimits, source = scratch()) {
    const mounts = [
      { source, target: "/workspace", mode: "rw" },
      { source: scratch(), target: "/home/agent", mode: "rw" },
    ] as const;
    const jail = await gate.jails.start(shell(script, { cwd: "/workspace", limits, mounts }));
    return { ...(await finish(jail)), usage: jail.usage() };
  }

  test("hold no more than their limit, in one file or in many", async () => {
    const many = "i=0; while :; do i=$((i + 1)); head -c 200000 /dev/zero >/home/agent/$i; done";
    for (const script of [many, "head -c 64M /dev/zero >big; sleep 15"]) {
      const done = await fill(script, { diskBytes: 8 * megabyte });
      assert.equal(done.reason, "disk");
      assert.match(done.detail ?? "", /hold \d+ bytes; the limit is 8388608/);
      assert.ok((done.usage.diskBytes ?? 0) > 8 * megabyte);
    }
  });

  test("hold no more entries than their limit", async () => {
    const done = await fill("i=0; while :; do i=$((i + 1)); : >$i; done", { diskEntries: 1_000 });
    assert.equal(done.reason, "disk");
    assert.match(done.detail ?? "", /hold \d+ files; the limit is 1000/);
  });

  test("count files that have no name any more", async () => {
    const script = "exec 3>gone; rm gone; head -c 32M /dev/zero >&3; ls; sleep 15";
    assert.equal((await fill(script, { diskBytes: 8 * megabyte })).reason, "disk");
  });

  test("count what is where nobody may look", async () => {
    const script = "mkdir closed; exec 3>closed/x; chmod 0 closed; head -c 32M /dev/zero >&3; sleep 15";
    const source = scratch();
    cleanups.unshift(() => chmodSync(join(source, "closed"), 0o700));
    assert.equal((await fill(script, { diskBytes: 8 * megabyte }, source)).reason, "disk");
  });

  test("count what was there before, and holes for nothing", async () => {
    const full = scratch();
    writeFileSync(join(full, "old"), Buffer.alloc(2 * megabyte, 1));
    assert.equal((await fill("sleep 15", { diskBytes: megabyte }, full)).reason, "disk");
    const done = await fill("truncate -s 1T holes && echo made", { diskBytes: megabyte });
    assert.deepEqual([done.reason, done.stdout], ["exited", "made\n"]);
  });

  test("are left alone below it, and a jail beside one that fills its own", async () => {
    const limits = { diskBytes: 8 * megabyte };
    const [good, bad] = await Promise.all([
      fill("head -c 4M /dev/zero >file; cat; echo fine", limits),
      fill("head -c 64M /dev/zero >file; sleep 15", limits),
    ]);
    assert.deepEqual([good.reason, good.stdout, bad.reason], ["exited", "fine\n", "disk"]);
  });

  test("do not fill the file system of the host, whatever their limit is", {
    skip: !isRoot && "needs root to mount a small file system",
  }, async (t) => {
    const small = scratch();
    const size = diskWatchLimits.floorBytes * 2;
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", small]);
    if (mounted.status !== 0) return t.skip(`no file system can be mounted: ${mounted.stderr}`);
    cleanups.unshift(() => spawnSync("umount", [small]));
    const done = await fill(
      "i=0; while head -c 1M /dev/zero >$i 2>/dev/null; do i=$((i + 1)); done; sleep 15",
      { diskBytes: 1024 * megabyte },
      small,
    );
    assert.equal(done.reason, "disk");
    assert.match(done.detail ?? "", /has \d+ bytes left/);
  });
});
