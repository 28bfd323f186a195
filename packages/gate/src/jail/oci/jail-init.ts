import { type LandlockRule, landlockProgram } from "../confinement/landlock.ts";

const eintr = 4;

/**
 * Init process for jails whose driver has none. The kernel ignores signals to a first process without a handler and makes
 * it the parent of all orphans, which a command does not expect. This one starts the command, forwards SIGTERM, reaps
 * orphans, and exits as the command did (128 plus the signal, as in a shell). Debian includes perl, which starts in 3 ms
 * without modules.
 */
const start = `my $pid = fork(); exit 125 unless defined $pid;
if (!$pid) { confine(); exec { $ARGV[0] } @ARGV or do { print STDERR "$ARGV[0]: $!\\n"; exit 127 } }
$SIG{TERM} = sub { kill "TERM", $pid }; $SIG{$_} = "IGNORE" for "HUP", "INT", "QUIT", "PIPE";
open(STDIN, "<", "/dev/null"); open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");
while (1) {
  my $dead = waitpid(-1, 0);
  if ($dead == $pid) { my $s = $?; linger($s & 127 ? 128 + ($s & 127) : $s >> 8); exit($s & 127 ? 128 + ($s & 127) : $s >> 8) }
  exit 125 if $dead == -1 && $! != ${eintr};
}`;

/** perl code for prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &sock_fprog). The filter is permanent and inherited. */
function loadFilter(filter: Buffer, arch: string): string {
  const prctl = arch === "arm64" ? 167 : 157;
  return `my $filter = pack("H*", "${filter.toString("hex")}");
my $program = pack("Sx6P", length($filter) / 8, $filter);
syscall(${prctl}, 38, 1, 0, 0, 0) == 0 && syscall(${prctl}, 22, 2, $program) == 0
  or do { print STDERR "the system call filter was refused: $!\\n"; exit 125 };
`;
}

export interface InitPlan {
  /** Complete environment of init and the command. */
  readonly env: Readonly<Record<string, string>>;
  /** A program name without an equals sign, and its arguments. */
  readonly command: readonly string[];
  /** Loaded before the command starts, for drivers that do not load it themselves. */
  readonly filter?: Buffer;
  /** Applied to the process of the command only. */
  readonly landlock?: { readonly abi: number; readonly rules: readonly LandlockRule[] };
  /**
   * Time that init stays after its command was killed, so that the host can still read the control group that counts
   * kills by the memory limit. 0 by default.
   */
  readonly lingerMs?: number;
}

/** Command line that runs a command below init, with exactly the environment of the plan. */
export function initCommand({ env, command, filter, landlock, lingerMs = 0 }: InitPlan): string[] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const linger = `sub linger { select(undef, undef, undef, ${lingerMs / 1_000}) if $_[0] == 137 }\n`;
  const confine = landlock === undefined ? "" : landlockProgram(landlock.abi, landlock.rules, process.arch);
  const program = `${linger}sub confine {\n${confine}}\n${filter === undefined ? "" : loadFilter(filter, process.arch)}${start}`;
  return ["/usr/bin/env", "-i", ...variables, "/usr/bin/perl", "-e", program, "--", ...command];
}
