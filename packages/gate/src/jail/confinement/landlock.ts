/** System call filter (seccomp) and Landlock rules. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { findProgram } from "../host/programs.ts";
import type { JailMount } from "../jail.ts";

/**
 * Landlock, an access control layer of the kernel that a process applies to itself and cannot undo, and that its children
 * inherit. Node cannot make these system calls, so a few lines of perl do, in the jail, right before the command.
 *
 * It repeats what read-only mounts refuse, and alone refuses to inspect or signal the jail's first process, which no
 * filter confines, and to write to the host's random pool. It does not restrict TCP ports: a jail has only a loopback of
 * its own, on which agents run servers.
 */
export interface Landlock {
  /** ABI version of the kernel, from 1. */
  readonly abi: number;
  /** Path of perl, on the host and in jails. */
  readonly perl: string;
}

export type LandlockSupport =
  | Landlock
  /** Why it is absent, and what would change that. */
  | { readonly absent: string };

/** Access to a path and everything below it. */
export type LandlockAccess = "list" | "read" | "device" | "write";

export interface LandlockRule {
  readonly path: string;
  readonly access: LandlockAccess;
}

/** Numbers of linux/landlock.h. */
const right = {
  execute: 1 << 0,
  writeFile: 1 << 1,
  readFile: 1 << 2,
  readDirectory: 1 << 3,
  makeCharacterDevice: 1 << 6,
  makeBlockDevice: 1 << 11,
  refer: 1 << 13,
  truncate: 1 << 14,
  deviceIoctl: 1 << 15,
} as const;

const scope = { abstractSockets: 1 << 0, signals: 1 << 1 } as const;

/** Rights that apply to files; the kernel refuses rules for a file with other rights. */
const fileRights = right.execute | right.writeFile | right.readFile | right.truncate | right.deviceIoctl;

/** All rights that this ABI version knows: those that no rule grants are refused. */
function handledRights(abi: number): number {
  const first = right.refer - 1;
  return (
    first |
    (abi >= 2 ? right.refer : 0) |
    (abi >= 3 ? right.truncate : 0) |
    (abi >= 5 ? right.deviceIoctl : 0)
  );
}

/** Whether signals and abstract sockets are restricted too: from ABI version 6 (Linux 6.12). */
export function confinesSignals(abi: number): boolean {
  return abi >= 6;
}

function rightsOf(access: LandlockAccess, abi: number): number {
  const handled = handledRights(abi);
  const read = right.execute | right.readFile | right.readDirectory;
  switch (access) {
    case "list":
      return right.readDirectory;
    case "read":
      return read;
    case "device":
      return (
        (right.readFile | right.readDirectory | right.writeFile | right.truncate | right.deviceIoctl) &
        handled
      );
    case "write":
      return handled & ~(right.makeCharacterDevice | right.makeBlockDevice | right.deviceIoctl);
  }
}

/** Access to the files of every jail, besides its mounts. Rules for missing paths are skipped. */
const baseRules: readonly LandlockRule[] = [
  // Directories can be listed everywhere, since the mounts decide what exists.
  { path: "/", access: "list" },
  ...["/usr", "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/etc", "/proc", "/sys", "/dev"].map(
    (path): LandlockRule => ({ path, access: "read" }),
  ),
  ...["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/console", "/dev/ptmx", "/dev/pts"].map(
    (path): LandlockRule => ({ path, access: "device" }),
  ),
  ...["/tmp", "/dev/shm"].map((path): LandlockRule => ({ path, access: "write" })),
];

/** The rules of a jail with these mounts. */
export function landlockRules(mounts: readonly JailMount[]): LandlockRule[] {
  return [
    ...baseRules,
    ...mounts.map(
      ({ target, mode }): LandlockRule => ({ path: target, access: mode === "rw" ? "write" : "read" }),
    ),
  ];
}

/** System call numbers. Those of Landlock are the same on every architecture; that of prctl is not. */
const call = { createRuleset: 444, addRule: 445, restrictSelf: 446 } as const;

/**
 * perl code that applies the rules to its own process. It loads no modules, which could come from a place that the jail
 * can write to, and exits where the kernel refuses anything, so that no command runs without the rules.
 */
export function landlockProgram(abi: number, rules: readonly LandlockRule[], arch: string): string {
  const prctl = arch === "arm64" ? 167 : 157;
  const attributes = [
    `pack("Q", ${handledRights(abi)})`,
    ...(abi >= 4 ? ['pack("Q", 0)'] : []),
    ...(confinesSignals(abi) ? [`pack("Q", ${scope.abstractSockets | scope.signals})`] : []),
  ];
  const table = rules.map(
    ({ path, access }) => `["${Buffer.from(path).toString("hex")}", ${rightsOf(access, abi)}]`,
  );
  return `sub refused { print STDERR "Landlock refused $_[0]: $!\\n"; exit 125 }
{ my $attributes = ${attributes.join(" . ")};
my $set = syscall(${call.createRuleset}, $attributes, length $attributes, 0); $set >= 0 or refused("a ruleset");
for (${table.join(", ")}) {
  my ($path, $rights) = (pack("H*", $_->[0]), $_->[1]);
  sysopen(my $at, $path, 0x280000) or do { next if $! == 2; refused($path) };
  $rights &= ${fileRights} unless -d $at;
  next unless $rights;
  my $rule = pack("Ql", $rights, fileno $at);
  syscall(${call.addRule}, $set, 1, $rule, 0) == 0 or refused($path);
}
syscall(${prctl}, 38, 1, 0, 0, 0) == 0 or refused("no_new_privs");
syscall(${call.restrictSelf}, $set, 0) == 0 or refused("to confine"); }
`;
}

const enosys = 38;

let detected: Landlock | undefined;

/** Detects the Landlock ABI version of this kernel, with the perl that jails use too. */
export function detectLandlock(): LandlockSupport {
  // A kernel keeps what it has.
  if (detected !== undefined && existsSync(detected.perl)) return detected;
  // Jails have the same perl.
  const perl = findProgram("perl", "/usr/bin:/usr/local/bin");
  if (perl === undefined)
    return { absent: "needs perl in /usr/bin. Run: sudo apt-get install --yes perl-base" };
  const ask = `my $abi = syscall(${call.createRuleset}, 0, 0, 1); print $abi < 0 ? -(0 + $!) : $abi`;
  const { stdout } = spawnSync(perl, ["-e", ask], { encoding: "utf8", env: {}, timeout: 10_000 });
  const abi = Number.parseInt(stdout ?? "", 10);
  if (abi >= 1) {
    detected = { abi, perl };
    return detected;
  }
  return {
    absent:
      abi === -enosys
        ? "this kernel was built without Landlock (Linux 5.13 and later have it)"
        : "Landlock is off in this kernel: add landlock to lsm= on its command line",
  };
}

/** File descriptor from which the launcher reads the environment of the command. */
export const launcherEnvironmentFd = 6;

/**
 * Command line of the launcher, which bubblewrap starts instead of the command. It starts with an empty environment, so
 * that no variable influences perl before the rules apply, and reads the variables of the command from a pipe.
 */
export function launcherCommand({ abi, perl }: Landlock, rules: readonly LandlockRule[]): string[] {
  const program = `${landlockProgram(abi, rules, process.arch)}
open(my $in, "<&=${launcherEnvironmentFd}") or refused("the environment");
my @vars = do { local $/; split /\\0/, scalar <$in>, -1 }; close $in; pop @vars;
@vars == 1 + $vars[0] or refused("an environment that is not whole"); shift @vars;
/^([^=]+)=(.*)$/s and $ENV{$1} = $2 for @vars;
exec { $ARGV[0] } @ARGV or do { print STDERR "$ARGV[0]: $!\\n"; exit 127 };`;
  return [perl, "-e", program, "--"];
}

/** The input of the launcher: the number of variables and the variables, each terminated by a NUL byte. */
export function launcherEnvironment(env: Readonly<Record<string, string>>): string {
  const entries = Object.entries(env).map(([name, value]) => `${name}=${value}\0`);
  return `${entries.length}\0${entries.join("")}`;
}
