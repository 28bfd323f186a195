/** Confinement: what the kernel refuses inside a jail, as a system call filter (seccomp) and as Landlock rules. */
import { HoldfastError } from "@holdfast/core";

/**
 * The system call filter of a jail, as classic BPF for seccomp(2).
 *
 * A deny-list on top of namespaces without capabilities: it refuses the entries into kernel code that no agent needs (new
 * namespaces, mounts, BPF, io_uring, keyrings, tracing, raw sockets). A call of another architecture kills the process,
 * because its numbers mean other calls.
 */

export type FilterArch = "x64" | "arm64";

export interface FilterOptions {
  /** False to refuse Unix sockets too. `socketpair` still works, since a pair leads nowhere else. */
  readonly unixSockets?: boolean;
}

/** Refused calls with their numbers on [x64, arm64]; null where the architecture lacks the call. */
const refused: Readonly<Record<string, readonly [number | null, number | null]>> = {
  acct: [163, 89],
  add_key: [248, 217],
  adjtimex: [159, 171],
  bpf: [321, 280],
  chroot: [161, 51],
  clock_adjtime: [305, 266],
  clock_settime: [227, 112],
  create_module: [174, null],
  delete_module: [176, 106],
  fanotify_init: [300, 262],
  finit_module: [313, 273],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fsopen: [430, 430],
  fspick: [433, 433],
  init_module: [175, 105],
  // One jail could use up the limit of the whole machine (fs.aio-max-nr).
  io_setup: [206, 0],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  io_uring_setup: [425, 425],
  ioperm: [173, null],
  iopl: [172, null],
  kcmp: [312, 272],
  kexec_file_load: [320, 294],
  kexec_load: [246, 104],
  keyctl: [250, 219],
  listmount: [458, 458],
  lookup_dcookie: [212, 18],
  migrate_pages: [256, 238],
  modify_ldt: [154, null],
  mount: [165, 40],
  mount_setattr: [442, 442],
  move_mount: [429, 429],
  move_pages: [279, 239],
  name_to_handle_at: [303, 264],
  nfsservctl: [180, 42],
  open_by_handle_at: [304, 265],
  open_tree: [428, 428],
  open_tree_attr: [467, 467],
  perf_event_open: [298, 241],
  pidfd_getfd: [438, 438],
  pivot_root: [155, 41],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  ptrace: [101, 117],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  reboot: [169, 142],
  request_key: [249, 218],
  setdomainname: [171, 162],
  sethostname: [170, 161],
  setns: [308, 268],
  settimeofday: [164, 170],
  statmount: [457, 457],
  swapoff: [168, 225],
  swapon: [167, 224],
  _sysctl: [156, null],
  sysfs: [139, null],
  syslog: [103, 116],
  umount2: [166, 39],
  unshare: [272, 97],
  uselib: [134, null],
  userfaultfd: [323, 282],
  ustat: [136, null],
  vhangup: [153, 58],
};

interface ArchNumbers {
  readonly audit: number;
  readonly column: 0 | 1;
  readonly clone: number;
  readonly clone3: number;
  readonly ioctl: number;
  readonly personality: number;
  readonly socket: number;
  readonly socketpair: number;
  /** Calls whose argument at `mode` names the kind of node to make. */
  readonly mknod: readonly ModeCall[];
  /** Calls that give a file the mode of their argument at `mode`. */
  readonly chmod: readonly ModeCall[];
}

export interface ModeCall {
  readonly name: string;
  readonly nr: number;
  readonly mode: number;
}

const numbers: Readonly<Record<FilterArch, ArchNumbers>> = {
  x64: {
    audit: 0xc000003e,
    column: 0,
    clone: 56,
    clone3: 435,
    ioctl: 16,
    personality: 135,
    socket: 41,
    socketpair: 53,
    mknod: [
      { name: "mknod", nr: 133, mode: 1 },
      { name: "mknodat", nr: 259, mode: 2 },
    ],
    chmod: [
      { name: "chmod", nr: 90, mode: 1 },
      { name: "fchmod", nr: 91, mode: 1 },
      { name: "fchmodat", nr: 268, mode: 2 },
      { name: "fchmodat2", nr: 452, mode: 2 },
    ],
  },
  arm64: {
    audit: 0xc00000b7,
    column: 1,
    clone: 220,
    clone3: 435,
    ioctl: 29,
    personality: 92,
    socket: 198,
    socketpair: 199,
    mknod: [{ name: "mknodat", nr: 33, mode: 2 }],
    chmod: [
      { name: "fchmod", nr: 52, mode: 1 },
      { name: "fchmodat", nr: 53, mode: 2 },
      { name: "fchmodat2", nr: 452, mode: 2 },
    ],
  },
};

/** Instruction codes of classic BPF (linux/bpf_common.h). */
const code = { load: 0x20, equal: 0x15, atLeast: 0x35, anyBit: 0x45, and: 0x54, ret: 0x06 } as const;

/** Actions of linux/seccomp.h. */
export const action = {
  kill: 0x80000000,
  allow: 0x7fff0000,
  errno: (number: number) => 0x00050000 | number,
} as const;

const eperm = 1;
const enosys = 38;
const denied = action.errno(eperm);

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number];

const load = (offset: number): Instruction => [code.load, 0, 0, offset];
const ret = (value: number): Instruction => [code.ret, 0, 0, value];
/** Arguments have 64 bits. The calls checked here use the low word only, and so does the filter. */
const loadArgument = (index: number): Instruction => load(16 + 8 * index);

/** Runs `body` when the loaded word is `nr`. Every body ends in a return, so the word stays loaded behind it. */
function when(nr: number, body: readonly Instruction[]): Instruction[] {
  return [[code.equal, 0, body.length, nr], ...body];
}

/** Returns `result` when the loaded word equals one of `values`. */
function whenEqual(values: readonly number[], result: number): Instruction[] {
  return values.flatMap((value): Instruction[] => [[code.equal, 0, 1, value], ret(result)]);
}

/** CLONE_NEW{CGROUP,UTS,IPC,USER,PID,NET,NS}. */
const newNamespaces = 0x7e020000;
const tiocsti = 0x5412;
const tioclinux = 0x541c;
/** Sets the line discipline of a terminal, for which the kernel would load a module. */
const tiocsetd = 0x5423;
/**
 * S_ISUID. The user of a jail is the gate's user on the host, so a program with this bit in a workspace would run as
 * the gate's user for everyone who can reach it. A file created with the bit loses it with the first write.
 */
export const setUserId = 0o4000;
const family = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;
const socketTypeMask = 0xf;

/** INET and INET6 sockets: TCP and UDP only. */
function internetSocket(): Instruction[] {
  return [
    loadArgument(1),
    [code.and, 0, 0, socketTypeMask],
    // Jumps over the refusal when the type is SOCK_STREAM or SOCK_DGRAM.
    [code.equal, 2, 0, 1],
    [code.equal, 1, 0, 2],
    ret(denied),
    loadArgument(2),
    ...whenEqual([0, 6, 17], action.allow),
    ret(denied),
  ];
}

function socketRules(nr: number, { unixSockets = true }: FilterOptions): Instruction[] {
  const internet = internetSocket();
  // Node lists interfaces over NETLINK_ROUTE (protocol 0); without capabilities it can change nothing.
  const netlink = [loadArgument(2), ...whenEqual([0], action.allow), ret(denied)];
  return when(nr, [
    loadArgument(0),
    ...whenEqual(unixSockets ? [family.unix] : [], action.allow),
    ...when(family.netlink, netlink),
    [code.equal, 1, 0, family.inet],
    [code.equal, 0, internet.length, family.inet6],
    ...internet,
    ret(denied),
  ]);
}

function instructions(arch: FilterArch, options: FilterOptions): Instruction[] {
  const nr = numbers[arch];
  const program: Instruction[] = [
    load(4),
    [code.equal, 1, 0, nr.audit],
    ret(action.kill),
    load(0),
    // Numbers from 2^30 are the x32 ABI on x64 and nothing on arm64.
    [code.atLeast, 0, 1, 0x40000000],
    ret(action.errno(enosys)),
  ];
  for (const entry of Object.values(refused)) {
    const number = entry[nr.column];
    if (number !== null) program.push(...when(number, [ret(denied)]));
  }
  // The flags of clone3 are behind a pointer that no filter can read; ENOSYS makes libc use clone.
  program.push(...when(nr.clone3, [ret(action.errno(enosys))]));
  program.push(
    ...when(nr.clone, [loadArgument(0), [code.anyBit, 0, 1, newNamespaces], ret(denied), ret(action.allow)]),
  );
  program.push(
    ...when(nr.ioctl, [
      loadArgument(1),
      ...whenEqual([tiocsti, tioclinux, tiocsetd], denied),
      ret(action.allow),
    ]),
  );
  // Only reading the personality and setting the default one: others weaken address randomisation.
  program.push(
    ...when(nr.personality, [loadArgument(0), ...whenEqual([0, 0xffffffff], action.allow), ret(denied)]),
  );
  program.push(...socketRules(nr.socket, options));
  program.push(
    ...when(nr.socketpair, [loadArgument(0), ...whenEqual([family.unix], action.allow), ret(denied)]),
  );
  const fileType = 0o170000;
  const devices = [0o020000, 0o060000];
  for (const call of nr.mknod) {
    const check: Instruction[] = [loadArgument(call.mode), [code.and, 0, 0, fileType]];
    program.push(...when(call.nr, [...check, ...whenEqual(devices, denied), ret(action.allow)]));
  }
  for (const call of nr.chmod) {
    program.push(
      ...when(call.nr, [
        loadArgument(call.mode),
        [code.anyBit, 0, 1, setUserId],
        ret(denied),
        ret(action.allow),
      ]),
    );
  }
  program.push(ret(action.allow));
  return program;
}

/** The filter as an array of `struct sock_filter`, as `bwrap --seccomp` reads it. */
export function buildSeccompFilter(arch: FilterArch, options: FilterOptions = {}): Buffer {
  const program = instructions(arch, options);
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([operation, jumpTrue, jumpFalse, k], index) => {
    if (jumpTrue > 255 || jumpFalse > 255) {
      throw new HoldfastError("jail", "internal_filter", "A jump of the system call filter is too long");
    }
    bytes.writeUInt16LE(operation, index * 8);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  });
  return bytes;
}

/** Names and numbers of the calls that are always refused on `arch`. */
export function refusedCalls(arch: FilterArch): ReadonlyMap<string, number> {
  const column = numbers[arch].column;
  const calls = new Map<string, number>();
  for (const [name, entry] of Object.entries(refused)) {
    const number = entry[column];
    if (number !== null) calls.set(name, number);
  }
  return calls;
}

/** Numbers of the calls whose arguments the filter checks. */
export function examinedCalls(arch: FilterArch): Readonly<Record<ExaminedCall, number>> {
  const { clone, clone3, ioctl, personality, socket, socketpair, mknod } = numbers[arch];
  const mknodat = mknod.find(({ mode }) => mode === 2)?.nr ?? -1;
  return { clone, clone3, ioctl, personality, socket, socketpair, mknodat };
}

export type ExaminedCall = "clone" | "clone3" | "ioctl" | "personality" | "socket" | "socketpair" | "mknodat";

/** The chmod calls of `arch`, with the index of their mode argument. */
export function modeCalls(arch: FilterArch): readonly ModeCall[] {
  return numbers[arch].chmod;
}

/** The filter architecture of this machine. Throws `jail.unavailable` on others. */
export function filterArch(arch: string = process.arch): FilterArch {
  if (arch === "x64" || arch === "arm64") return arch;
  throw new HoldfastError(
    "jail",
    "unavailable",
    `Jails need a system call filter, which Holdfast has for x64 and arm64, not for ${arch}`,
    { statusCode: 503 },
  );
}
