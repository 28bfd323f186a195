import type { Readable, Writable } from "node:stream";
import type { HoldfastError } from "@holdfast/core";

/**
 * What a driver can promise about its jails. Each is proven by the driver's self-test on the machine
 * that it runs on; what could not be proven is in `absent`, with the reason, never silently weaker.
 */
export type GuaranteeName =
  /** No interface but the jail's own loopback: no route, no name resolution. */
  | "network.none"
  /** Everything but the writable mounts, /tmp and /dev/shm refuses writes. */
  | "filesystem.read_only_root"
  /** No host path is visible outside the system's programs and the mounts of the spec. */
  | "filesystem.mounts_only"
  /** Processes of the host and of other jails cannot be seen or signalled. */
  | "processes.hidden"
  /** No capabilities, no_new_privs: setuid programs gain nothing. */
  | "privileges.none"
  /** No new namespaces can be made inside. */
  | "namespaces.sealed"
  /** A seccomp filter refuses the system calls that agents never need. */
  | "syscalls.filtered"
  /** The environment is exactly the one of the spec. */
  | "environment.exact"
  /** No descriptor of the host above 2 is open inside. */
  | "descriptors.closed"
  /** After stop, nothing that was started inside is alive. */
  | "processes.all_stopped"
  /** Landlock, a layer of its own beneath mounts and namespaces. Absent where the kernel lacks it. */
  | "access.landlocked"
  | "limits.memory"
  | "limits.pids"
  | "limits.cpu"
  /** What it reads and writes on disks in a second, where control groups have the controller. */
  | "limits.io"
  /** What its writable mounts may hold: by measure, so that it is passed for a moment. */
  | "limits.disk";

/** What makes the jails; "none" confines nothing. */
export type JailDriverName = "bubblewrap" | "podman" | "docker" | "gvisor" | "apple-container" | "none";

/** A promise of the driver, tried on this machine. */
export interface Guarantee {
  readonly name: GuaranteeName;
  readonly held: boolean;
  /** What was observed, or why it is absent. Plain text for people. */
  readonly detail: string;
}

/** What the driver holds of its promises on this machine. */
export interface SelfTestReport {
  readonly ok: boolean;
  readonly guarantees: readonly Guarantee[];
  /** Milliseconds. */
  readonly durationMs: number;
}

/** A path of the host in a jail. */
export interface JailMount {
  /** Absolute path on the host; it must exist. A socket, a file or a directory. */
  readonly source: string;
  /** Absolute, normal path in the jail, outside /proc, /dev, /sys, /etc and /usr. */
  readonly target: string;
  readonly mode: "ro" | "rw";
  /**
   * True for a writable mount that has no part in `diskBytes` and `diskEntries`, as a folder of the operator's that
   * may hold anything. A jail that fills its file system is ended all the same.
   */
  readonly uncounted?: boolean;
}

/** What a jail may use. */
export interface JailLimits {
  readonly memoryBytes?: number;
  readonly pids?: number;
  /** Processor time in cores: 1.5 is one and a half. */
  readonly cpus?: number;
  /** Size of the jail's /tmp in bytes. */
  readonly tmpBytes?: number;
  /** What all writable mounts that are counted may hold together, with what was there before, in bytes. */
  readonly diskBytes?: number;
  /** How many files, directories and other entries they may hold. */
  readonly diskEntries?: number;
  /**
   * Bytes that it reads from each disk in a second. A jail with one of these four is started only where the
   * guarantee `limits.io` holds.
   */
  readonly diskReadBytesPerSecond?: number;
  /** Bytes that it writes to each disk in a second. */
  readonly diskWriteBytesPerSecond?: number;
  /** Operations of reading that it has each disk do in a second. */
  readonly diskReadsPerSecond?: number;
  /** Operations of writing that it has each disk do in a second. */
  readonly diskWritesPerSecond?: number;
}

/** What runs in a jail, and what of the host it sees. */
export interface JailSpec {
  /** 1 to 64 of a-z, A-Z, 0-9, "_" and "-"; unique among the running jails of one gate. */
  readonly id: string;
  /** Absolute path in the jail, or a name that the jail's PATH resolves. */
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the command; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly JailMount[];
  readonly limits?: JailLimits;
  readonly network: "none";
  /**
   * False where the jail dials none of the host's sockets: then it can make no Unix socket at all, also
   * among its own processes. Pairs of connected ones can always be made. True by default.
   */
  readonly unixSockets?: boolean;
  /**
   * Start is refused unless the driver holds all of these. By default: all but the limits. Bounds of reads and
   * writes need `limits.io` whether it is named here or not.
   */
  readonly requires?: readonly GuaranteeName[];
}

/** Why a jail ended. */
export type JailExitReason =
  /** The command ended by itself. */
  | "exited"
  /** `stop` or the end of the gate. */
  | "stopped"
  /** The memory limit: the kernel killed it. */
  | "memory"
  /** The limit of its writable mounts, or a file system that it filled; `detail` says which. */
  | "disk"
  /** A signal that nobody here sent. */
  | "killed"
  /** The jail could not be set up after it was started; `detail` says why. */
  | "setup_failed";

/** How a jail ended. */
export interface JailExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly reason: JailExitReason;
  /** For `setup_failed`: what the driver said; for `disk`: how much there was. */
  readonly detail?: string;
}

/** What a jail uses; what is absent is not measured here. */
export interface JailUsage {
  readonly memoryBytes?: number;
  readonly memoryPeakBytes?: number;
  readonly pids?: number;
  /** Processes that the memory limit killed. */
  readonly memoryKills?: number;
  /** Forks that the pids limit refused. */
  readonly pidsRefused?: number;
  /** Periods of 100 ms in which the processor quota held the jail back. */
  readonly cpuThrottledPeriods?: number;
  /** What the writable mounts held at the last measure; only with a limit for them. */
  readonly diskBytes?: number;
}

/** A running jail. */
export interface Jail {
  readonly id: string;
  /** Host pid of the jail's first process; where that runs in a machine of its own, of what stands for it here. */
  readonly pid: number;
  /**
   * Host pid of the process that dials the host's sockets for the jail, where that is not one of the
   * processes inside: a kernel in user space does it for all of them.
   */
  readonly dialerPid?: number;
  /**
   * Host pid of the process of the gate that dials the host's sockets for the jail, where that runs in a machine
   * of its own: no process of it is one of the host's.
   */
  readonly relayPid?: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when everything in the jail is dead; never rejects. */
  readonly exited: Promise<JailExit>;
  usage(): JailUsage;
  /** Asks the command to end (SIGTERM), and ends everything after `graceMs` (300 ms by default). Idempotent. */
  stop(options?: { readonly graceMs?: number }): Promise<JailExit>;
}

/** What makes jails: bubblewrap, gVisor, a container engine. */
export interface JailDriver {
  readonly name: JailDriverName;
  /** True when it confines nothing. */
  readonly unsafe: boolean;
  /** Why it starts nothing, where that is so: the error of every `start`. */
  readonly refusal?: HoldfastError;
  /** As the last self-test found them; empty before the first. */
  readonly guarantees: readonly Guarantee[];
  selfTest(): Promise<SelfTestReport>;
  /** Ends the jails that an earlier, killed host of this directory left; how many there were. */
  endOrphans(): Promise<number>;
  /** Gives back what the driver itself holds; its jails have ended. Idempotent. */
  close(): Promise<void>;
  /**
   * Starts a jail; resolves when its namespaces stand.
   * Throws `jail.invalid_spec`, `jail.duplicate_id`, `jail.missing_guarantee`, `jail.unavailable`,
   * `jail.start_failed`.
   */
  start(spec: JailSpec): Promise<Jail>;
}

/** A program that runs once in a throwaway jail, for example git on a hostile tree. It makes no sockets. */
export interface ToolSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to PATH, HOME=/tmp and LANG=C.UTF-8. */
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts: readonly JailMount[];
  readonly limits?: JailLimits;
  readonly stdin?: Uint8Array | string;
  /** 60,000 by default. */
  readonly timeoutMs?: number;
  /** Kept of each of stdout and stderr; 16 MiB by default. More ends the tool. */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
}

/** How a program ended that was run to its end, and what it printed. */
export interface ToolResult extends JailExit {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** The jails of one gate. */
export interface Jails {
  readonly driver: JailDriver;
  /** Running jails. */
  list(): readonly Jail[];
  start(spec: JailSpec): Promise<Jail>;
  /**
   * Runs a program to its end. A non-zero exit is a result, not an error.
   * Throws what `start` throws, `jail.tool_timed_out`, `jail.tool_output_too_large`, and the reason of
   * an aborted `signal`.
   */
  runTool(spec: ToolSpec): Promise<ToolResult>;
}
