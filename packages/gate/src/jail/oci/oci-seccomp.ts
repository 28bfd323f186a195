import {
  type FilterArch,
  type FilterOptions,
  modeCalls,
  refusedCalls,
  setUserId,
} from "../confinement/seccomp.ts";

/**
 * The system call filter of `buildSeccompFilter` as JSON of the OCI runtime specification (config-linux, "seccomp"), for
 * runtimes that take no compiled filter. Where the format cannot express the same, this one is stricter: it refuses any
 * personality but the default one.
 */
export interface OciSeccomp {
  readonly defaultAction: "SCMP_ACT_ALLOW";
  readonly architectures: readonly string[];
  readonly syscalls: readonly OciRule[];
}

interface OciRule {
  readonly names: readonly string[];
  readonly action: "SCMP_ACT_ERRNO";
  readonly errnoRet: number;
  readonly args?: readonly OciArgument[];
}

interface OciArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: "SCMP_CMP_EQ" | "SCMP_CMP_NE" | "SCMP_CMP_GE" | "SCMP_CMP_MASKED_EQ";
}

const eperm = 1;
const enosys = 38;

const deny = (name: string, ...args: OciArgument[]): OciRule => ({
  names: [name],
  action: "SCMP_ACT_ERRNO",
  errnoRet: eperm,
  ...(args.length > 0 ? { args } : {}),
});

const equal = (index: number, value: number): OciArgument => ({ index, value, op: "SCMP_CMP_EQ" });
const not = (index: number, value: number): OciArgument => ({ index, value, op: "SCMP_CMP_NE" });
const from = (index: number, value: number): OciArgument => ({ index, value, op: "SCMP_CMP_GE" });
const masked = (index: number, mask: number, value: number): OciArgument => ({
  index,
  value: mask,
  valueTwo: value,
  op: "SCMP_CMP_MASKED_EQ",
});

function numbersBelow(end: number, except: readonly number[]): number[] {
  return Array.from({ length: end }, (_, number) => number).filter((number) => !except.includes(number));
}

/**
 * Refuses every value but `allowed`. Rules compare 64 bits where the kernel uses the lower 32, so everything above the
 * largest allowed value is refused, which covers every value with upper bits.
 */
function anyBut(name: string, index: number, allowed: readonly number[], ...also: OciArgument[]): OciRule[] {
  const end = Math.max(...allowed) + 1;
  return [
    ...numbersBelow(end, allowed).map((number) => deny(name, ...also, equal(index, number))),
    deny(name, ...also, from(index, end)),
  ];
}

/** CLONE_NEW{CGROUP,UTS,IPC,USER,PID,NET,NS}. */
const newNamespaces = [0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000];
const terminalRequests = [0x5412, 0x541c, 0x5423];
const family = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;
const word = 0xffffffff;

function socketRules({ unixSockets = true }: FilterOptions): OciRule[] {
  const rules = anyBut("socket", 0, Object.values(family));
  if (!unixSockets) rules.push(deny("socket", equal(0, family.unix)));
  for (const domain of [family.inet, family.inet6]) {
    // Streams and datagrams, whatever flags accompany the type, over TCP and UDP.
    for (const type of numbersBelow(16, [1, 2])) {
      rules.push(deny("socket", equal(0, domain), masked(1, 0xf, type)));
    }
    rules.push(...anyBut("socket", 2, [0, 6, 17], equal(0, domain)));
  }
  rules.push(deny("socket", equal(0, family.netlink), not(2, 0)));
  return rules;
}

/** The filter for `arch`. The runtime's own check kills calls of other architectures. */
export function ociSeccomp(arch: FilterArch, options: FilterOptions = {}): OciSeccomp {
  const devices = [0o020000, 0o060000];
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: [arch === "x64" ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64"],
    syscalls: [
      { names: [...refusedCalls(arch).keys()], action: "SCMP_ACT_ERRNO", errnoRet: eperm },
      // A filter cannot read its flags, which are behind a pointer; ENOSYS makes libc fall back to clone.
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: enosys },
      ...newNamespaces.map((flag) => deny("clone", masked(0, flag, flag))),
      ...terminalRequests.map((request) => deny("ioctl", masked(1, word, request))),
      deny("personality", not(0, 0)),
      ...socketRules(options),
      deny("socketpair", not(0, family.unix)),
      ...modeCalls(arch).map(({ name, mode }) => deny(name, masked(mode, setUserId, setUserId))),
      ...devices.flatMap((kind) => [
        ...(arch === "x64" ? [deny("mknod", masked(1, 0o170000, kind))] : []),
        deny("mknodat", masked(2, 0o170000, kind)),
      ]),
    ],
  };
}
