import {
  type FilterArch,
  type FilterOptions,
  modeCalls,
  refusedCalls,
  setUserId,
} from "../confinement/seccomp.ts";

/**
 * The system call filter of {@link buildSeccompFilter}, in the JSON of the OCI runtime specification
 * (config-linux, "seccomp"), for runtimes that take no compiled program. Where the language cannot say
 * the same, this is the stricter of the two: any personality but the ordinary one is refused.
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
 * Rules compare 64 bits, the kernel reads the lower 32 of them. So whatever is not allowed exactly is
 * refused from the first number above all that are, which takes every value with upper bits too.
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
    // Streams and datagrams only, whatever flags are beside the type; of them, TCP and UDP.
    for (const type of numbersBelow(16, [1, 2])) {
      rules.push(deny("socket", equal(0, domain), masked(1, 0xf, type)));
    }
    rules.push(...anyBut("socket", 2, [0, 6, 17], equal(0, domain)));
  }
  rules.push(deny("socket", equal(0, family.netlink), not(2, 0)));
  return rules;
}

/** The filter for `arch`; other architectures are killed by the runtime's own check. */
export function ociSeccomp(arch: FilterArch, options: FilterOptions = {}): OciSeccomp {
  const devices = [0o020000, 0o060000];
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: [arch === "x64" ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64"],
    syscalls: [
      { names: [...refusedCalls(arch).keys()], action: "SCMP_ACT_ERRNO", errnoRet: eperm },
      // Their flags are behind a pointer that no filter can read; ENOSYS makes libc use the older call.
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
