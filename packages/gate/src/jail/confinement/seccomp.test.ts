import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { action, buildSeccompFilter, type FilterArch, filterArch, refusedCalls } from "./seccomp.ts";

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

/**
 * The calls that no agent needs, with their numbers, written down a second time: a row that is lost from
 * the filter is missed here. From the tables of Linux (arch/x86/entry/syscalls, include/uapi/asm-generic).
 */
const mustBeRefused: Readonly<Record<FilterArch, string>> = {
  x64: `
    acct:163 add_key:248 adjtimex:159 bpf:321 chroot:161 clock_adjtime:305 clock_settime:227
    create_module:174 delete_module:176 fanotify_init:300 finit_module:313 fsconfig:431 fsmount:432
    fsopen:430 fspick:433 init_module:175 io_setup:206 io_uring_enter:426 io_uring_register:427 io_uring_setup:425
    ioperm:173 iopl:172 kcmp:312 kexec_file_load:320 kexec_load:246 keyctl:250 listmount:458
    lookup_dcookie:212 migrate_pages:256 modify_ldt:154 mount:165 mount_setattr:442 move_mount:429
    move_pages:279 name_to_handle_at:303 nfsservctl:180 open_by_handle_at:304 open_tree:428
    open_tree_attr:467 perf_event_open:298 pidfd_getfd:438 pivot_root:155 process_vm_readv:310
    process_vm_writev:311 ptrace:101 quotactl:179 quotactl_fd:443 reboot:169 request_key:249
    setdomainname:171 sethostname:170 setns:308 settimeofday:164 statmount:457 swapoff:168 swapon:167
    _sysctl:156 sysfs:139 syslog:103 umount2:166 unshare:272 uselib:134 userfaultfd:323 ustat:136
    vhangup:153`,
  arm64: `
    acct:89 add_key:217 adjtimex:171 bpf:280 chroot:51 clock_adjtime:266 clock_settime:112
    delete_module:106 fanotify_init:262 finit_module:273 fsconfig:431 fsmount:432 fsopen:430 fspick:433
    init_module:105 io_setup:0 io_uring_enter:426 io_uring_register:427 io_uring_setup:425 kcmp:272
    kexec_file_load:294 kexec_load:104 keyctl:219 listmount:458 lookup_dcookie:18 migrate_pages:238
    mount:40 mount_setattr:442 move_mount:429 move_pages:239 name_to_handle_at:264 nfsservctl:42
    open_by_handle_at:265 open_tree:428 open_tree_attr:467 perf_event_open:241 pidfd_getfd:438
    pivot_root:41 process_vm_readv:270 process_vm_writev:271 ptrace:117 quotactl:60 quotactl_fd:443
    reboot:142 request_key:218 setdomainname:162 sethostname:161 setns:268 settimeofday:170
    statmount:457 swapoff:225 swapon:224 syslog:116 umount2:39 unshare:97 userfaultfd:282 vhangup:58`,
};

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
      const listed = mustBeRefused[arch]
        .trim()
        .split(/\s+/)
        .map((each) => each.split(":"));
      for (const [name, number] of listed) assert.equal(run(Number(number)), eperm, name);
      assert.deepEqual(
        [...refusedCalls(arch).keys()].sort(),
        listed.map(([name]) => name ?? "").sort(),
        "both lists name the same calls",
      );
      const all = Array.from({ length: 600 }, (_, number) => run(number));
      const always = all.filter((result) => result === eperm).length;
      assert.ok(always >= refusedCalls(arch).size);
    });

    test("refuses Unix sockets where the jail has none, and no pairs of them", () => {
      const strict = buildSeccompFilter(arch, { unixSockets: false });
      const answer = (call: number, ...args: bigint[]) => evaluate(strict, audit[arch], call, args);
      for (const type of [1n, 2n, 5n]) {
        assert.equal(answer(nr.socket, 1n, type, 0n), eperm);
        assert.equal(answer(nr.socket, (1n << 32n) | 1n, type, 0n), eperm);
        assert.equal(run(nr.socket, 1n, type, 0n), action.allow);
      }
      assert.equal(answer(nr.socket, 2n, 1n, 6n), action.allow);
      assert.equal(answer(nr.socket, 10n, 2n, 17n), action.allow);
      assert.equal(answer(nr.socket, 16n, 3n, 0n), action.allow);
      assert.equal(answer(nr.socketpair, 1n, 1n, 0n), action.allow);
      assert.equal(answer(nr.socketpair, 2n, 1n, 0n), eperm);
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
      assert.equal(run(nr.ioctl, 0, 0x5423), eperm, "another line discipline");
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

    test("refuses the set-user-ID bit, by every call that gives a mode", () => {
      const calls = {
        x64: [
          [90, 1],
          [91, 1],
          [268, 2],
          [452, 2],
        ],
        arm64: [
          [52, 1],
          [53, 2],
          [452, 2],
        ],
      } as const;
      for (const [call, at] of calls[arch]) {
        const chmod = (mode: number | bigint) => run(call, ...[0, 0].slice(0, at), mode);
        for (const mode of [0o755, 0o2755, 0o1777]) assert.equal(chmod(mode), action.allow, String(call));
        for (const mode of [0o4755, 0o6755, 0o4000]) assert.equal(chmod(mode), eperm, String(call));
        assert.equal(chmod((1n << 32n) | 0o4755n), eperm, "whatever the upper half");
      }
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

test("there is a filter for two architectures, and no jail on another", () => {
  assert.deepEqual([filterArch("x64"), filterArch("arm64")], ["x64", "arm64"]);
  for (const arch of ["ia32", "arm", "riscv64", ""]) {
    assert.throws(
      () => filterArch(arch),
      (error) => isErrorCode(error, "jail", "unavailable"),
      arch,
    );
  }
});
