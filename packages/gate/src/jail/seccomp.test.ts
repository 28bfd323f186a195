import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { action, buildSeccompFilter, type FilterArch, refusedCalls } from "./seccomp.ts";

const audit: Record<FilterArch, number> = { x64: 0xc000003e, arm64: 0xc00000b7 };
const eperm = action.errno(1);
const enosys = action.errno(38);

/** Runs the filter as the kernel would, on one `struct seccomp_data`. */
function evaluate(filter: Buffer, arch: number, nr: number, args: readonly bigint[] = []): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(nr >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(value, 16 + index * 8);
  let accumulator = 0;
  for (let pc = 0; pc < filter.length / 8; pc++) {
    const at = pc * 8;
    const jumpTrue = filter.readUInt8(at + 2);
    const jumpFalse = filter.readUInt8(at + 3);
    const k = filter.readUInt32LE(at + 4);
    switch (filter.readUInt16LE(at)) {
      case 0x20:
        accumulator = data.readUInt32LE(k);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x15:
        pc += accumulator === k ? jumpTrue : jumpFalse;
        break;
      case 0x35:
        pc += accumulator >= k ? jumpTrue : jumpFalse;
        break;
      case 0x45:
        pc += (accumulator & k) !== 0 ? jumpTrue : jumpFalse;
        break;
      case 0x06:
        return k;
      default:
        assert.fail(`unknown instruction at ${pc}`);
    }
  }
  return assert.fail("the filter ran past its end");
}

const calls = {
  x64: {
    read: 0,
    clone: 56,
    clone3: 435,
    ioctl: 16,
    personality: 135,
    socket: 41,
    socketpair: 53,
    mknodat: 259,
  },
  arm64: {
    read: 63,
    clone: 220,
    clone3: 435,
    ioctl: 29,
    personality: 92,
    socket: 198,
    socketpair: 199,
    mknodat: 33,
  },
} as const;

for (const arch of ["x64", "arm64"] as const) {
  describe(`the system call filter of ${arch}`, () => {
    const filter = buildSeccompFilter(arch);
    const run = (nr: number, ...args: (number | bigint)[]) =>
      evaluate(filter, audit[arch], nr, args.map(BigInt));
    const nr = calls[arch];

    test("kills programs of other architectures, whatever they call", () => {
      for (const other of [0x40000003, 0x40000028, audit[arch === "x64" ? "arm64" : "x64"]]) {
        assert.equal(evaluate(filter, other, nr.read), action.kill);
      }
    });

    test("allows ordinary calls and refuses every call of the list", () => {
      assert.equal(run(nr.read), action.allow);
      for (const [name, number] of refusedCalls(arch)) assert.equal(run(number), eperm, name);
      const all = Array.from({ length: 600 }, (_, number) => run(number));
      const always = all.filter((result) => result === eperm).length;
      assert.ok(always >= refusedCalls(arch).size);
    });

    test("refuses x32 numbers and clone3 as unknown calls", () => {
      assert.equal(run(0x40000000 + 1), enosys);
      assert.equal(run(0xffffffff), enosys);
      assert.equal(run(nr.clone3), enosys);
    });

    test("lets clone make threads and processes, but no namespaces", () => {
      assert.equal(run(nr.clone, 0x3d0f00), action.allow);
      assert.equal(run(nr.clone, 17), action.allow);
      for (const flag of [0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x20000]) {
        assert.equal(run(nr.clone, flag | 17), eperm, flag.toString(16));
      }
    });

    test("refuses to push input into a terminal, whatever the upper half of the request", () => {
      assert.equal(run(nr.ioctl, 0, 0x5401), action.allow);
      assert.equal(run(nr.ioctl, 0, 0x5412), eperm);
      assert.equal(run(nr.ioctl, 0, 0x1_0000_5412), eperm);
      assert.equal(run(nr.ioctl, 0, 0x541c), eperm);
    });

    test("allows Unix, TCP, UDP and route sockets only", () => {
      assert.equal(run(nr.socket, 1, 1, 0), action.allow);
      assert.equal(run(nr.socket, 2, 0x80801, 6), action.allow);
      assert.equal(run(nr.socket, 10, 2, 17), action.allow);
      assert.equal(run(nr.socket, 16, 0x80003, 0), action.allow);
      assert.equal(run(nr.socket, 16, 3, 9), eperm, "audit netlink");
      assert.equal(run(nr.socket, 2, 3, 255), eperm, "raw");
      assert.equal(run(nr.socket, 2, 2, 1), eperm, "ping");
      assert.equal(run(nr.socket, 10, 3, 58), eperm, "raw icmpv6");
      assert.equal(run(nr.socket, 2, 10, 0), eperm, "packet type");
      assert.equal(run(nr.socket, 17, 3, 0), eperm, "packet");
      assert.equal(run(nr.socket, 38, 5, 0), eperm, "kernel crypto");
      assert.equal(run(nr.socket, 40, 1, 0), eperm, "vsock");
      assert.equal(run(nr.socketpair, 1, 1, 0), action.allow);
      assert.equal(run(nr.socketpair, 2, 1, 0), eperm);
    });

    test("refuses device nodes and odd personalities", () => {
      assert.equal(run(nr.mknodat, 0, 0, 0o010644), action.allow);
      assert.equal(run(nr.mknodat, 0, 0, 0o020644), eperm);
      assert.equal(run(nr.mknodat, 0, 0, 0o060644), eperm);
      assert.equal(run(nr.personality, 0xffffffff), action.allow);
      assert.equal(run(nr.personality, 0x0040000), eperm);
    });
  });
}
