import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { action, refusedCalls } from "../confinement/seccomp.ts";
import { type OciSeccomp, ociSeccomp } from "./oci-seccomp.ts";

const eperm = action.errno(1) & 0xffff;

/** Action of a runtime for a call: the first rule whose conditions all hold, as libseccomp joins them. */
function answer(arch: "x64" | "arm64", name: string, ...args: bigint[]): number {
  return answerOf(ociSeccomp(arch), name, args);
}

function answerOf(filter: OciSeccomp, name: string, args: readonly bigint[]): number {
  const rule = filter.syscalls.find(
    ({ names, args: conditions = [] }) =>
      names.includes(name) &&
      conditions.every(({ index, value, valueTwo = 0, op }) => {
        const seen = args[index] ?? 0n;
        if (op === "SCMP_CMP_EQ") return seen === BigInt(value);
        if (op === "SCMP_CMP_NE") return seen !== BigInt(value);
        if (op === "SCMP_CMP_GE") return seen >= BigInt(value);
        return (seen & BigInt(value)) === BigInt(valueTwo);
      }),
  );
  return rule?.errnoRet ?? 0;
}

for (const arch of ["x64", "arm64"] as const) {
  describe(`the filter as OCI rules, on ${arch}`, () => {
    test("refuses what the compiled one refuses, and lets the rest pass", () => {
      for (const name of refusedCalls(arch).keys()) assert.equal(answer(arch, name), eperm, name);
      assert.equal(answer(arch, "clone3"), 38);
      for (const name of ["read", "openat", "execve", "futex", "connect"])
        assert.equal(answer(arch, name), 0);
    });

    test("filters sockets by family, type and protocol, with any upper bits", () => {
      const [stream, datagram, raw, cloexec] = [1n, 2n, 3n, 0o2000000n];
      const passes: [bigint, bigint, bigint][] = [
        [1n, stream, 0n],
        [2n, stream | cloexec, 6n],
        [10n, datagram, 17n],
        [16n, raw, 0n],
      ];
      for (const args of passes) assert.equal(answer(arch, "socket", ...args), 0, String(args));
      const refused: [bigint, bigint, bigint][] = [
        [2n, raw, 0n],
        [2n, datagram, 1n],
        [10n, raw, 58n],
        [2n, stream, 132n],
        [16n, raw, 9n],
        [17n, raw, 0n],
        [38n, stream, 0n],
        [40n, stream, 0n],
        [0n, stream, 0n],
        [(1n << 32n) | 17n, raw, 0n],
        [2n, stream, (1n << 32n) | 132n],
      ];
      for (const args of refused) assert.equal(answer(arch, "socket", ...args), eperm, String(args));
      assert.deepEqual([answer(arch, "socketpair", 1n), answer(arch, "socketpair", 2n)], [0, eperm]);
    });

    test("refuses Unix sockets where the jail has none, and no pairs of them", () => {
      const filter = ociSeccomp(arch, { unixSockets: false });
      for (const type of [1n, 2n, 5n]) assert.equal(answerOf(filter, "socket", [1n, type, 0n]), eperm);
      assert.equal(answerOf(filter, "socket", [2n, 1n, 6n]), 0);
      assert.equal(answerOf(filter, "socketpair", [1n, 1n, 0n]), 0);
    });

    test("filters new namespaces, terminals, personalities and devices", () => {
      assert.equal(answer(arch, "clone", 0x10000000n | 17n), eperm);
      assert.equal(answer(arch, "clone", 0x3d0f00n), 0);
      assert.equal(answer(arch, "ioctl", 0n, 0x5412n), eperm);
      assert.equal(answer(arch, "ioctl", 0n, 0x1_0000_5412n), eperm);
      assert.equal(answer(arch, "ioctl", 0n, 0x5423n), eperm);
      assert.equal(answer(arch, "ioctl", 0n, 0x5413n), 0);
      assert.equal(answer(arch, "fchmodat", 0n, 0n, 0o4755n), eperm);
      assert.equal(answer(arch, "fchmod", 0n, 0o6755n), eperm);
      assert.equal(answer(arch, "fchmodat2", 0n, 0n, 0o2755n), 0);
      assert.deepEqual([answer(arch, "personality", 0n), answer(arch, "personality", 0x40000n)], [0, eperm]);
      assert.equal(answer(arch, "mknodat", 0n, 0n, 0o020600n), eperm);
      assert.equal(answer(arch, "mknodat", 0n, 0n, 0o010600n), 0);
    });
  });
}
