import { type LandlockRule, landlockProgram } from "../confinement/landlock.ts";

/**
 * The first process of a jail whose driver brings none. The kernel hides signals from a first process
 * that has no handler for them, and leaves it the children of all others; a command expects neither. So
 * this one starts the command, hands SIGTERM on, collects what dies, and ends as the command ended (128
 * and the signal's number, as a shell says it). perl is part of every Debian, and starts in 3 ms.
 */
const start = `use strict; use POSIX ();
my $pid = fork(); exit 125 unless defined $pid;
if (!$pid) { confine(); exec { $ARGV[0] } @ARGV or do { print STDERR "$ARGV[0]: $!\\n"; POSIX::_exit(127) } }
$SIG{TERM} = sub { kill "TERM", $pid }; $SIG{$_} = "IGNORE" for "HUP", "INT", "QUIT", "PIPE";
open(STDIN, "<", "/dev/null"); open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");
while (1) {
  my $dead = waitpid(-1, 0);
  if ($dead == $pid) { my $s = $?; linger($s & 127 ? 128 + ($s & 127) : $s >> 8); POSIX::_exit($s & 127 ? 128 + ($s & 127) : $s >> 8) }
  POSIX::_exit(125) if $dead == -1 && $! != POSIX::EINTR();
}`;

/** prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &sock_fprog); it cannot be undone, and is inherited. */
function loadFilter(filter: Buffer, arch: string): string {
  const prctl = arch === "arm64" ? 167 : 157;
  return `my $filter = pack("H*", "${filter.toString("hex")}");
my $program = pack("Sx6P", length($filter) / 8, $filter);
syscall(${prctl}, 38, 1, 0, 0, 0) == 0 && syscall(${prctl}, 22, 2, $program) == 0
  or do { print STDERR "the system call filter was refused: $!\\n"; exit 125 };
`;
}

export interface InitPlan {
  /** The whole environment of the command, and of its first process. */
  readonly env: Readonly<Record<string, string>>;
  /** A name without an equals sign, and arguments. */
  readonly command: readonly string[];
  /** Loaded before the command starts, where the driver does not do so. */
  readonly filter?: Buffer;
  /** Puts Landlock on the process of the command alone, where the kernel has it. */
  readonly landlock?: { readonly abi: number; readonly rules: readonly LandlockRule[] };
  /**
   * How long the first process stays after a command that was killed, so that the host still finds the
   * control group that counts what the memory limit killed. 0 by default.
   */
  readonly lingerMs?: number;
}

/** The command line that makes an exact environment and a first process for a command. */
export function initCommand({ env, command, filter, landlock, lingerMs = 0 }: InitPlan): string[] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const linger = `sub linger { select(undef, undef, undef, ${lingerMs / 1_000}) if $_[0] == 137 }\n`;
  const confine = landlock === undefined ? "" : landlockProgram(landlock.abi, landlock.rules, process.arch);
  const program = `${linger}sub confine {\n${confine}}\n${filter === undefined ? "" : loadFilter(filter, process.arch)}${start}`;
  return ["/usr/bin/env", "-i", ...variables, "/usr/bin/perl", "-e", program, "--", ...command];
}
