/** Each thing that a jail is given or denied by an argument of bwrap, as it is seen from inside. */
import assert from "node:assert/strict";
import { mkdtempSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { createGate } from "@holdfast/gate";
import { BubblewrapDriver } from "../src/jail/bubblewrap/bubblewrap-driver.ts";
import { usrConfigDirectories } from "../src/jail/host/usr-config-directories.ts";
import { finish, jailNode, missing, provenJails, shell, temporaryDirectory } from "./support.ts";

interface Seen {
  readonly namespaces: Readonly<Record<string, string>>;
  readonly hostname: string;
  readonly ids: readonly number[];
  readonly session: number;
  readonly cgroup: string;
  readonly sizes: Readonly<Record<string, number | string>>;
  readonly modes: Readonly<Record<string, string>>;
  readonly devices: readonly string[];
  readonly filesystems: Readonly<Record<string, string>>;
  readonly tmpBytes: number;
}

const look = `
  import fs from "node:fs"; import os from "node:os";
  const kinds = ["user", "ipc", "uts", "cgroup", "pid", "net", "mnt"];
  const masked = ["cmdline", "config.gz", "kallsyms", "kcore", "key-users", "keys", "sched_debug", "timer_list"];
  const stat = fs.readFileSync("/proc/self/stat", "utf8"); const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const size = (name) => { try { return fs.readFileSync("/proc/" + name).length; } catch (error) { return error.code; } };
  const mounts = Object.fromEntries(fs.readFileSync("/proc/self/mountinfo", "utf8").trim().split("\\n").map((line) => { const parts = line.split(" "); const dash = parts.indexOf("-"); return [parts[4], parts[dash + 1] + " " + parts[5]]; }));
  const space = fs.statfsSync("/tmp");
  console.log(JSON.stringify({
    namespaces: Object.fromEntries(kinds.map((kind) => [kind, fs.readlinkSync("/proc/self/ns/" + kind)])),
    hostname: os.hostname(), ids: [process.getuid(), process.getgid(), process.geteuid(), process.getegid()],
    session: Number(fields[3]), cgroup: fs.readFileSync("/proc/self/cgroup", "utf8"),
    sizes: Object.fromEntries(masked.map((name) => [name, size(name)])),
    modes: Object.fromEntries(["/tmp", "/dev/shm"].map((path) => [path, (fs.statSync(path).mode & 0o7777).toString(8)])),
    devices: fs.readdirSync("/dev").sort(), filesystems: mounts, tmpBytes: space.blocks * space.bsize }));`;

describe("a jail, seen from inside", { skip: missing("bwrap") }, () => {
  let seen: Seen;
  before(async () => {
    const dataDir = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-gate-")));
    const gate = await createGate({ dataDir, jails: provenJails, vault: { env: {}, logins: false } });
    try {
      const done = await finish(
        await gate.jails.start(
          shell("", {
            command: jailNode.path,
            args: ["--input-type=module", "-e", look],
            mounts: [jailNode.mount],
            limits: { tmpBytes: 2 * 1024 * 1024 },
          }),
        ),
      );
      assert.equal(done.code, 0, done.stderr);
      seen = JSON.parse(done.stdout) as Seen;
    } finally {
      await gate.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  test("has every namespace to itself", () => {
    for (const [kind, name] of Object.entries(seen.namespaces)) {
      assert.notEqual(name, readlinkSync(`/proc/self/ns/${kind}`), kind);
    }
    assert.equal(Object.keys(seen.namespaces).length, 7);
  });

  test("has a name, a user and a session of its own", () => {
    assert.equal(seen.hostname, "jail");
    assert.deepEqual(seen.ids, [1000, 1000, 1000, 1000]);
    assert.ok(seen.session > 0, "a session that was made outside is shown as 0");
  });

  test("may make no namespace of its own, also where no filter stands before it", async (t) => {
    const driver = new BubblewrapDriver({
      directory: join(temporaryDirectory(t), "gate"),
      omit: new Set(["seccomp"]),
    });
    t.after(() => driver.close());
    const { guarantees } = await driver.selfTest();
    assert.equal(guarantees.find((each) => each.name === "syscalls.filtered")?.held, false);
    assert.equal(guarantees.find((each) => each.name === "namespaces.sealed")?.held, true);
  });

  test("sees no path of the host's control groups", () => {
    for (const line of seen.cgroup.trim().split("\n")) assert.match(line, /:\/$/);
  });

  test("reads nothing of the host's kernel in /proc", () => {
    for (const [name, size] of Object.entries(seen.sizes)) {
      assert.ok(size === 0 || size === "ENOENT" || size === "EACCES", `${name}: ${size}`);
    }
  });

  test("has its own /dev, /proc, /tmp and /dev/shm, as they are meant", () => {
    assert.deepEqual(seen.modes, { "/tmp": "1777", "/dev/shm": "1777" });
    const allowed = [
      "console",
      "core",
      "fd",
      "full",
      "null",
      "ptmx",
      "pts",
      "random",
      "shm",
      "stderr",
      "stdin",
      "stdout",
      "tty",
      "urandom",
      "zero",
    ];
    assert.deepEqual(
      seen.devices.filter((name) => !allowed.includes(name)),
      [],
    );
    const kindOf = (path: string) => seen.filesystems[path]?.split(" ") ?? [];
    for (const path of ["/", "/proc", "/dev", ...usrConfigDirectories()])
      assert.match(kindOf(path)[1] ?? "", /^ro\b/, path);
    for (const path of ["/tmp", "/dev/shm"]) assert.deepEqual(kindOf(path)[0], "tmpfs", path);
    for (const path of ["/tmp", "/dev/shm"]) assert.match(kindOf(path)[1] ?? "", /nosuid/, path);
    assert.equal(seen.tmpBytes, 2 * 1024 * 1024);
  });
});
