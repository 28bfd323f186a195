import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { evaluateFindings, Findings } from "./probe-findings.ts";

const canary = "/host/canary";

/** Output of a probe in a sound machine. */
const sound = {
  boot: "00000000-0000-4000-8000-000000000000",
  interfaces: "lo sit0",
  down: "sit0",
  routes: "0",
  uid: "501",
  pids: "1 2 3",
  env: `PATH=/usr/bin:/bin CANARY=${canary} PWD=/`,
  fds: "0 1 2",
  ...{ CapInh: "0", CapPrm: "0", CapEff: "0", CapBnd: "0", CapAmb: "0", NoNewPrivs: "1", Seccomp: "2" },
  // Of its image, and of its own kernel.
  visible: "/etc/shadow",
  done: "yes",
};

function missing(said: Partial<Record<keyof typeof sound | "reads", string>>): string[] {
  const lines = Object.entries({ ...sound, ...said }).map(([name, value]) => `${name}=${value}`);
  const subject = { view: "machine", absentLimits: {}, landlock: { absent: "not asked for" } } as const;
  const guarantees = evaluateFindings(new Findings(lines.join("\n")), canary, subject);
  return guarantees.filter(({ held }) => !held).map(({ name }) => name);
}

test("a virtual machine is judged by its kernel, active interfaces, visible paths and readable disks", () => {
  assert.deepEqual(missing({}), ["access.landlocked"]);
  assert.ok(missing({ down: "" }).includes("network.none"), "an interface that is up");
  assert.ok(missing({ visible: canary }).includes("filesystem.mounts_only"));
  assert.ok(missing({ reads: "/dev/vda" }).includes("filesystem.mounts_only"));
  assert.ok(missing({ uid: "0" }).includes("privileges.none"));
  assert.ok(missing({ uid: "" }).includes("privileges.none"));
  assert.ok(missing({ pids: "1 2 3 4 5 6 7" }).includes("processes.hidden"));
});

test("a machine with the host's kernel, or without a boot id, is not isolated", () => {
  const own = "/proc/sys/kernel/random/boot_id";
  const hosts = existsSync(own) ? [readFileSync(own, "utf8").trim()] : [];
  for (const boot of ["", ...hosts]) {
    const names = missing({ boot });
    for (const name of ["network.none", "filesystem.mounts_only", "processes.hidden", "privileges.none"]) {
      assert.ok(names.includes(name), `${name} with ${boot || "nothing"}`);
    }
  }
});
