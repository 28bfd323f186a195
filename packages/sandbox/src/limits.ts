import { maxTimeoutMs } from "./internal/max-timeout.ts";

/** Limits of a sandbox server. Sizes are bytes. Documented in docs/limits.md. */
export interface SandboxLimits {
  /** A JSON request body, an ACP envelope of a client included. */
  readonly maxJsonBytes: number;
  /** A file of configuration, and a request that changes one. */
  readonly maxConfigBytes: number;
  /** A skill that is put in place for an agent. */
  readonly maxSkillFiles: number;
  readonly maxSkillBytes: number;
  /** A file upload; 0 means no limit. */
  readonly maxFileBytes: number;
  /** Directories that one watch looks at. */
  readonly maxWatchedDirectories: number;
  /** How long one search may take before it answers what it has found. */
  readonly searchTimeoutMs: number;
  /** One line of an agent's standard output; a longer one is dropped and reported. */
  readonly maxLineBytes: number;
  /** Envelopes of one agent process that are kept for replay. */
  readonly maxRetainedEvents: number;
  readonly maxRetainedBytes: number;
  /** How far the slowest reader may fall behind before the agent's output is paused. */
  readonly maxReaderLagBytes: number;
  /** A reader that takes nothing for this long is cut; it resumes with Last-Event-ID. */
  readonly readerStallMs: number;
  /** Input of an agent that it has not read yet; more is refused. */
  readonly maxAgentInputBytes: number;
  readonly maxAgentInstances: number;
  readonly heartbeatMs: number;
  /** When an install's answer begins at the latest: clients give up an answer without a head (Node's after 300 s). */
  readonly installHeadMs: number;
  /** How long a stream request waits for the request that starts its agent. */
  readonly bootstrapWaitMs: number;
  /** How long an agent may take to answer `initialize` before it is ended. */
  readonly initializeTimeoutMs: number;
  /** How long an agent with an open request may print nothing before it is ended. */
  readonly silenceTimeoutMs: number;
  /** An agent instance without a stream and without an open request is ended after this long; 0 means never. */
  readonly idleInstanceMs: number;
  /** How long an agent may take to answer a cancel before its process group is ended. */
  readonly cancelGraceMs: number;
  /** How long an agent may take to open, load, resume or fork a session. */
  readonly sessionOpenTimeoutMs: number;
  /** How long a permission stays pending; 0 means as long as its agent lives. */
  readonly permissionTimeoutMs: number;
  /** How long a permission policy may take; then a person is asked. */
  readonly policyTimeoutMs: number;
  readonly maxQueuedPrompts: number;
  /** Payloads of all session logs of a server without a data directory; the oldest go, told as a gap. */
  readonly maxMemoryLogBytes: number;
  /** Text of an earlier conversation in front of the first prompt after a replay. */
  readonly maxTranscriptBytes: number;
  readonly maxStderrLines: number;
  readonly maxStderrBytes: number;
  readonly defaultRunTimeoutMs: number;
  readonly maxRunTimeoutMs: number;
  /** Output kept of each stream of a run. */
  readonly maxOutputBytes: number;
  readonly maxConcurrentRuns: number;
  /** Runs that wait for the end of others. */
  readonly maxWaitingRuns: number;
  /** Managed processes that run or wait for a restart. */
  readonly maxConcurrentProcesses: number;
  /** Output kept of each managed process; the oldest goes. */
  readonly maxLogBytesPerProcess: number;
  /** Decoded input of one request or terminal frame. */
  readonly maxInputBytesPerRequest: number;
  /**
   * Processes and threads of one command (a run, a process, an agent) with everything that it starts; 0
   * means no limit. Kept where this user may make control groups; given explicitly, it limits all tasks
   * of the server's user elsewhere, unless that is root.
   */
  readonly maxCommandTasks: number;
  /** Memory of one command with everything that it starts, where control groups can limit it; 0 means no limit. */
  readonly maxCommandMemoryBytes: number;
  /** Exited processes without a name that are kept for their output; the oldest go. */
  readonly maxExitedProcesses: number;
  readonly maxExitedLogBytes: number;
}

/** What holds where an option does not say otherwise. Documented in docs/limits.md. */
export const defaultLimits: SandboxLimits = {
  maxJsonBytes: 32 * 1_048_576,
  maxConfigBytes: 1_048_576,
  maxSkillFiles: 2_000,
  maxSkillBytes: 64 * 1_048_576,
  maxFileBytes: 0,
  maxWatchedDirectories: 8_192,
  searchTimeoutMs: 30_000,
  maxLineBytes: 32 * 1_048_576,
  maxRetainedEvents: 65_536,
  maxRetainedBytes: 64 * 1_048_576,
  maxReaderLagBytes: 8 * 1_048_576,
  readerStallMs: 30_000,
  maxAgentInputBytes: 64 * 1_048_576,
  maxAgentInstances: 64,
  heartbeatMs: 15_000,
  installHeadMs: 240_000,
  bootstrapWaitMs: 1_000,
  initializeTimeoutMs: 120_000,
  silenceTimeoutMs: 30 * 60_000,
  idleInstanceMs: 30 * 60_000,
  cancelGraceMs: 700,
  sessionOpenTimeoutMs: 120_000,
  permissionTimeoutMs: 24 * 3_600_000,
  policyTimeoutMs: 10_000,
  maxQueuedPrompts: 64,
  maxMemoryLogBytes: 64 * 1_048_576,
  maxTranscriptBytes: 49_152,
  maxStderrLines: 16,
  maxStderrBytes: 16_384,
  defaultRunTimeoutMs: 30_000,
  maxRunTimeoutMs: 300_000,
  maxOutputBytes: 1_048_576,
  maxConcurrentRuns: 64,
  maxWaitingRuns: 1_024,
  maxConcurrentProcesses: 64,
  maxLogBytesPerProcess: 10 * 1_048_576,
  maxInputBytesPerRequest: 65_536,
  maxCommandTasks: 4_096,
  maxCommandMemoryBytes: 0,
  maxExitedProcesses: 256,
  maxExitedLogBytes: 128 * 1_048_576,
};

/** The limits with those that were given. Times that no timer can count are as good as endless. */
export function limitsWith(given: Partial<SandboxLimits> = {}): SandboxLimits {
  const limits = Object.entries({ ...defaultLimits, ...given }).map(([name, value]) => [
    name,
    name.endsWith("Ms") ? Math.min(value, maxTimeoutMs) : value,
  ]);
  // Every name of the type is in the defaults, which the compiler cannot see through `fromEntries`.
  return Object.fromEntries(limits) as unknown as SandboxLimits;
}
