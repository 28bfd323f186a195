/**
 * Jails: how a hostile program is confined on this machine. This file has the types that every driver implements; the
 * rooms beside it make the jails, and only they touch namespaces, control groups and container engines.
 */
import type { Readable, Writable } from "node:stream";
import type { HoldfastError } from "@holdfast/core";

/**
 * Guarantees of a driver about its jails. The driver's self-test proves each one on this machine, or reports it as not
 * held, with the reason.
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
  /** Landlock, a second layer beneath mounts and namespaces. Not held where the kernel lacks it. */
  | "access.landlocked"
  | "limits.memory"
  | "limits.pids"
  | "limits.cpu"
  /** Disk reads and writes per second, where control groups have the controller. */
  | "limits.io"
  /** Content of its writable mounts. It is measured, so a jail can exceed it for a moment. */
  | "limits.disk";

/** The drivers that make jails; "none" confines nothing. */
export type JailDriverName = "bubblewrap" | "podman" | "docker" | "gvisor" | "apple-container" | "none";

/** A guarantee of the driver, as tested on this machine. */
export interface Guarantee {
  readonly name: GuaranteeName;
  readonly held: boolean;
  /** Observation, or the reason for its absence. Plain text for people. */
  readonly detail: string;
}

/** The result of a self-test on this machine. */
export interface SelfTestReport {
  readonly ok: boolean;
  readonly guarantees: readonly Guarantee[];
  /** Milliseconds. */
  readonly durationMs: number;
}

/** A path of the host that is visible in a jail. */
export interface JailMount {
  /** Absolute path on the host; it must exist. A socket, a file or a directory. */
  readonly source: string;
  /** Absolute, normal path in the jail, outside /proc, /dev, /sys, /etc and /usr. */
  readonly target: string;
  readonly mode: "ro" | "rw";
  /**
   * True to leave a writable mount out of `diskBytes` and `diskEntries`, such as a folder of the operator's that may hold
   * anything. A jail that fills the file system of such a mount is still ended.
   */
  readonly uncounted?: boolean;
  /**
   * True for a folder of a file system in user space (FUSE), whose server may be this process: any access could then wait
   * for itself. So the gate takes the source as an existing folder without links in its path, and does not touch it. It
   * counts towards no limit.
   */
  readonly remote?: boolean;
}

/** Resource limits of a jail. */
export interface JailLimits {
  readonly memoryBytes?: number;
  readonly pids?: number;
  /** Processor time in cores: 1.5 is one and a half. */
  readonly cpus?: number;
  /** Size of the jail's /tmp in bytes. */
  readonly tmpBytes?: number;
  /** Bytes that all counted writable mounts may hold together, earlier content included. */
  readonly diskBytes?: number;
  /** Files, directories and other entries that those mounts may hold together. */
  readonly diskEntries?: number;
  /**
   * Bytes that it may read from each disk per second. A jail with one of these four limits starts only where the
   * guarantee `limits.io` holds.
   */
  readonly diskReadBytesPerSecond?: number;
  /** Bytes that it may write to each disk per second. */
  readonly diskWriteBytesPerSecond?: number;
  /** Read operations that it may do on each disk per second. */
  readonly diskReadsPerSecond?: number;
  /** Write operations that it may do on each disk per second. */
  readonly diskWritesPerSecond?: number;
}

/** Specification of a jail: its command, and what it sees of the host. */
export interface JailSpec {
  /** 1 to 64 of a-z, A-Z, 0-9, "_" and "-"; unique among the running jails of one gate. */
  readonly id: string;
  /** Whom it works for: a session, or what else the records of the gate name by that. */
  readonly session?: string;
  /** Absolute path in the jail, or a name on the jail's PATH. */
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Complete environment of the command; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly JailMount[];
  readonly limits?: JailLimits;
  readonly network: "none";
  /**
   * False for a jail that dials no socket of the host: it cannot make Unix sockets at all, not even between its own
   * processes. `socketpair` always works. True by default.
   */
  readonly unixSockets?: boolean;
  /**
   * The jail is not started unless the driver holds all of these. By default all but the limits. Disk rate limits need
   * `limits.io` whether or not it is listed here.
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
  /** A signal that this host did not send. */
  | "killed"
  /** The jail could not be set up after it was started; `detail` says why. */
  | "setup_failed";

/** How a jail ended. */
export interface JailExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly reason: JailExitReason;
  /** For `setup_failed`, the message of the driver; for `disk`, the measured amount. */
  readonly detail?: string;
}

/** Resource usage of a jail. A field that is absent is not measured by this driver. */
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
  /** Content of the writable mounts when they were last measured; only with a limit on them. */
  readonly diskBytes?: number;
}

/** A running jail. */
export interface Jail {
  readonly id: string;
  /** Host pid of the jail's first process; for a jail in a virtual machine, of the process that represents it. */
  readonly pid: number;
  /**
   * Host pid of the process that dials the host's sockets on behalf of the jail, where the processes inside do not
   * (gVisor).
   */
  readonly dialerPid?: number;
  /**
   * Host pid of the gate's process that dials the host's sockets on behalf of a jail in a virtual machine, none of whose
   * processes is a process of the host.
   */
  readonly relayPid?: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when everything in the jail is dead; never rejects. */
  readonly exited: Promise<JailExit>;
  usage(): JailUsage;
  /** Sends SIGTERM to the command, and SIGKILL to everything after `graceMs` (300 ms by default). Idempotent. */
  stop(options?: { readonly graceMs?: number }): Promise<JailExit>;
}

/** Makes jails with one technology: bubblewrap, gVisor, a container engine, virtual machines. */
export interface JailDriver {
  readonly name: JailDriverName;
  /** True when it confines nothing. */
  readonly unsafe: boolean;
  /** The error of every `start`, for a driver that cannot start anything. */
  readonly refusal?: HoldfastError | undefined;
  /** The findings of the last self-test; empty before the first. */
  readonly guarantees: readonly Guarantee[];
  selfTest(): Promise<SelfTestReport>;
  /** Has the guarantees proven unless they are, for a driver that does so before its first jail. */
  prove?(): Promise<void>;
  /** Ends the jails that a killed gate of this directory left behind; gives their number. */
  endOrphans(): Promise<number>;
  /** Releases the resources of the driver, after its jails have ended. Idempotent. */
  close(): Promise<void>;
  /**
   * Starts a jail; resolves when its namespaces exist.
   * Throws `jail.invalid_spec`, `jail.duplicate_id`, `jail.missing_guarantee`, `jail.unavailable`,
   * `jail.start_failed`.
   */
  start(spec: JailSpec): Promise<Jail>;
}

/** A program that runs once in a throwaway jail, for example git on a hostile tree. It makes no sockets. */
export interface ToolSpec {
  /** Whom it works for: a session, or what else the records of the gate name by that. */
  readonly session?: string;
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
  /** Bound on each of stdout and stderr, 16 MiB by default. A tool that writes more is ended. */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
}

/** How a tool ended, and its output. */
export interface ToolResult extends JailExit {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** A jail that runs now, and what it uses. */
export interface RunningJail {
  readonly id: string;
  /** Whom it works for, if its start said so. */
  readonly session?: string;
  readonly startedAt: number;
  readonly usage: JailUsage;
}

/** The jails of one gate. */
export interface Jails {
  readonly driver: JailDriver;
  /** Running jails. */
  list(): readonly Jail[];
  /** The same with what they use, oldest first. */
  running(): readonly RunningJail[];
  start(spec: JailSpec): Promise<Jail>;
  /**
   * Runs a program to its end. A non-zero exit is a result, not an error.
   * Throws what `start` throws, `jail.tool_timed_out`, `jail.tool_output_too_large`, and the reason of
   * an aborted `signal`.
   */
  runTool(spec: ToolSpec): Promise<ToolResult>;
}
