/** System calls refused in a jail: attacks.md, "/proc, kernel, namespaces". */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BubblewrapDriver } from "../../packages/gate/src/jail/bubblewrap/bubblewrap-driver.ts";
import {
  compileAttacks,
  finish,
  isRoot,
  missing,
  openGate,
  outcomes,
  shell,
  temporaryDirectory,
} from "./support.ts";

const eperm = "1";
const enosys = "38";

describe("system calls from inside a jail", { skip: missing("bwrap", "gcc") }, () => {
  test("that lead into the kernel are refused; outside of the jail the same program meets other answers", async (t) => {
    const directory = compileAttacks(t);
    const gate = await openGate(t);
    const mounts = [{ source: directory, target: "/attack", mode: "ro" }] as const;
    const { stdout } = await finish(await gate.jails.start(shell("exec /attack/attack", { mounts })));
    const inside = outcomes(stdout);
    const outside = outcomes(spawnSync(join(directory, "attack"), { encoding: "utf8", input: "" }).stdout);
    assert.deepEqual([...inside.keys()], [...outside.keys()]);
    assert.ok(inside.size > 40);
    for (const [name, errno] of inside) {
      if (name.startsWith("ok_")) assert.equal(errno, "0", name);
      else if (name === "clone3" || name === "x32") assert.equal(errno, enosys, name);
      else if (name === "ia32") assert.equal(errno, "signal", name);
      else assert.equal(errno, eperm, name);
    }
    if (isRoot) {
      const same = [...outside].filter(
        ([name, errno]) => !name.startsWith("ok_") && inside.get(name) === errno,
      );
      // x32 is off in most kernels, and some take no calls of 32-bit programs: then they fail outside, too.
      const maybeOff = ["x32", ...(outside.get("ia32") === "signal" ? ["ia32"] : [])];
      assert.deepEqual(
        same.filter(([name]) => !maybeOff.includes(name)),
        [],
        "each attack works or fails otherwise outside",
      );
    }
  });

  test("are refused by the filter: without it these reach the kernel", async (t) => {
    const directory = compileAttacks(t);
    const driver = new BubblewrapDriver({
      directory: join(temporaryDirectory(t), "gate"),
      omit: new Set(["seccomp"]),
    });
    t.after(() => driver.close());
    const mounts = [{ source: directory, target: "/attack", mode: "ro" }] as const;
    const { stdout } = await finish(
      await driver.start(shell("exec /attack/attack", { mounts, requires: [] })),
    );
    const unfiltered = outcomes(stdout);
    for (const name of [
      "ptrace_traceme",
      "keyctl",
      "personality",
      "tiocsti",
      "clone3",
      "process_vm_readv",
      "kcmp",
    ]) {
      assert.notEqual(unfiltered.get(name), eperm, name);
    }
    // Namespaces and the lack of capabilities still stand behind it.
    for (const name of ["chroot", "socket_packet", "unshare_mount", "device"]) {
      assert.notEqual(unfiltered.get(name), "0", name);
    }
  });

  test("of a setuid program give it nothing", {
    skip: !isRoot && "needs root to make a setuid file",
  }, async (t) => {
    const directory = temporaryDirectory(t);
    const program = join(directory, "whoami");
    copyFileSync("/usr/bin/id", program);
    chownSync(program, 65534, 65534);
    chmodSync(program, 0o6755);
    assert.match(spawnSync(program, { encoding: "utf8" }).stdout, /euid=65534/, "it works outside");
    const gate = await openGate(t);
    const mounts = [{ source: directory, target: "/attack", mode: "ro" }] as const;
    const { stdout } = await finish(await gate.jails.start(shell("/attack/whoami", { mounts })));
    assert.match(stdout, /^uid=1000\(agent\) gid=1000\(agent\)/);
    assert.doesNotMatch(stdout, /euid/);
  });
});
