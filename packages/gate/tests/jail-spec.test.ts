/** What a jail may be asked to be, at, below and above each limit: nothing of it starts a process. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { JailMount, JailSpec } from "@holdfast/gate";
import { checkJailSpec, jailLimits, refuseEqualsSign } from "../src/jail/jail-spec.ts";

let directory = "";
before(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-spec-"));
});
after(() => rmSync(directory, { recursive: true, force: true }));

const spec = (part: Partial<JailSpec>): JailSpec => ({
  id: "id",
  command: "true",
  args: [],
  cwd: "/",
  env: {},
  mounts: [],
  network: "none",
  ...part,
});
const accepted = (part: Partial<JailSpec>) => checkJailSpec(spec(part));
const refused = (part: Partial<JailSpec>, why: RegExp) =>
  assert.throws(
    () => checkJailSpec(spec(part)),
    (error) => isErrorCode(error, "jail", "invalid_spec") && why.test((error as Error).message),
    `${why}`,
  );
const mount = (target: string, part: Partial<JailMount> = {}): JailMount => ({
  source: directory,
  target,
  mode: "ro",
  ...part,
});

describe("the specification of a jail", () => {
  test("has an id, a command, arguments and a directory that are plain", () => {
    accepted({ id: "a".repeat(64), command: "/bin/sh", args: ["-c", "x\ny"], cwd: "/a/b" });
    for (const id of ["", "a/b", "a".repeat(65), "a.b", "ü"]) refused({ id }, /The id must be/);
    for (const command of ["", "-c", "a\0b"]) refused({ command }, /The command must be/);
    refused({ args: ["a\0b"] }, /NUL byte/);
    refused({ mounts: [mount("/a", { uncounted: 1 as never })] }, /must be true or false/);
    refused({ mounts: [mount("/a", { remote: 1 as never })] }, /must be true or false/);
    for (const cwd of ["workspace", "/a/../b", "/a/", "/a\0b", "//a"]) refused({ cwd }, /working directory/);
    refused({ network: "host" as "none" }, /network must be none/);
    refused({ unixSockets: "no" as never }, /must be true or false/);
  });

  test("has a command that is no assignment, where the first process would take it for one", () => {
    refuseEqualsSign(spec({ command: "/bin/sh", args: ["A=b"] }));
    for (const command of ["A=b", "/opt/a=b/run", "="]) {
      assert.throws(
        () => refuseEqualsSign(spec({ command })),
        (error) => isErrorCode(error, "jail", "invalid_spec"),
      );
    }
  });

  test("has an environment of plain variables", () => {
    accepted({ env: { A_1: "any = text\n" } });
    for (const name of ["A=B", "", "1A", "A-B"]) refused({ env: { [name]: "x" } }, /is not the name/);
    refused({ env: { A: "a\0b" } }, /without NUL bytes/);
    refused({ env: { A: 1 as unknown as string } }, /without NUL bytes/);
  });

  test("has arguments and an environment within their bounds", () => {
    accepted({ args: ["x".repeat(jailLimits.maxArgsBytes - 1)] });
    refused({ args: ["x".repeat(jailLimits.maxArgsBytes)] }, /arguments are larger/);
    accepted({ env: { A: "x".repeat(jailLimits.maxEnvBytes - 3) } });
    refused({ env: { A: "x".repeat(jailLimits.maxEnvBytes - 2) } }, /environment is larger/);
    assert.deepEqual([jailLimits.maxArgsBytes, jailLimits.maxEnvBytes], [262_144, 262_144]);
  });

  test("has limits that can be kept", () => {
    assert.deepEqual(
      [jailLimits.minMemoryBytes, jailLimits.minPids, jailLimits.maxCpus],
      [16_777_216, 8, 1_024],
    );
    accepted({ limits: { memoryBytes: 16_777_216, pids: 8, cpus: 0.01, tmpBytes: 4_096 } });
    accepted({ limits: { cpus: 1_024, diskBytes: 1_048_576, diskEntries: 16 } });
    refused({ limits: { memoryBytes: 16_777_215 } }, /memoryBytes/);
    refused({ limits: { memoryBytes: 2 ** 53 } }, /memoryBytes/);
    refused({ limits: { pids: 7 } }, /pids/);
    refused({ limits: { pids: 8.5 } }, /pids/);
    refused({ limits: { diskBytes: 1_048_575 } }, /diskBytes/);
    refused({ limits: { diskEntries: 15 } }, /diskEntries/);
    assert.deepEqual([jailLimits.minDiskBytes, jailLimits.minDiskEntries], [1_048_576, 16]);
    for (const name of ["diskReadBytesPerSecond", "diskWriteBytesPerSecond"] as const) {
      accepted({ limits: { [name]: 65_536 } });
      refused({ limits: { [name]: 65_535 } }, new RegExp(name));
    }
    for (const name of ["diskReadsPerSecond", "diskWritesPerSecond"] as const) {
      for (const count of [10, 4_294_967_295]) accepted({ limits: { [name]: count } });
      for (const count of [9, 10.5, 4_294_967_296]) refused({ limits: { [name]: count } }, new RegExp(name));
    }
    refused({ limits: { tmpBytes: 4_095 } }, /tmpBytes/);
    for (const cpus of [0, 0.009, 1_024.5, Number.NaN]) refused({ limits: { cpus } }, /cpus/);
  });

  test("has mounts at places of their own", () => {
    const { mounts } = accepted({ mounts: [mount("/a"), mount("/b", { mode: "rw" })] });
    assert.equal(mounts.length, 2);
    const own = ["/proc", "/dev", "/sys", "/etc", "/usr", "/bin", "/lib", "/lib64", "/sbin", "/tmp"];
    for (const target of ["/", ...own, ...own.map((each) => `${each}/x`)]) {
      refused({ mounts: [mount(target)] }, /belongs to the jail\./);
    }
    accepted({ mounts: [mount("/library"), mount("/etcetera")] });
    for (const target of ["a", "/a/../b", "/a/", "/a\0"])
      refused({ mounts: [mount(target)] }, /target of a mount/);
    refused({ mounts: [mount("/a", { source: "relative" })] }, /source of a mount/);
    refused({ mounts: [mount("/a", { source: join(directory, "missing") })] }, /does not exist/);
    refused({ mounts: [mount("/a", { mode: "rwx" as "rw" })] }, /must be ro or rw/);
    refused({ mounts: [mount("/a"), mount("/a/b")] }, /overlap/);
    refused({ mounts: [mount("/a/b"), mount("/a")] }, /overlap/);
    const many = Array.from({ length: 65 }, (_, n) => mount(`/m${n}`));
    accepted({ mounts: many.slice(1) });
    refused({ mounts: many }, /More than 64 mounts/);
  });

  test("has the sources of its mounts resolved before anything in a jail can change them", () => {
    symlinkSync("/usr/share", join(directory, "link"));
    assert.equal(
      accepted({ mounts: [mount("/a", { source: join(directory, "link") })] }).mounts[0]?.source,
      "/usr/share",
    );
  });

  test("has a remote mount taken as it is, since a look at it could wait for this process", () => {
    const remote = mount("/a", { source: join(directory, "missing"), mode: "rw", remote: true });
    assert.deepEqual(accepted({ mounts: [remote] }).mounts, [remote]);
    refused({ mounts: [remote, mount("/a/b")] }, /overlap/);
  });
});
