import { maxTimeoutMs } from "./internal/max-timeout.ts";

/** Limits of a sandbox server. Sizes are bytes. Documented in docs/limits-sandbox.md. */
export interface SandboxLimits {
  /** Size of a JSON request body, including an ACP message of a client. */
  readonly maxJsonBytes: number;
  /** Size of a configuration file, and of a request that changes one. */
  readonly maxConfigBytes: number;
  /** Number of files of a skill that is installed for an agent. */
  readonly maxSkillFiles: number;
  readonly maxSkillBytes: number;
  /** Size of a file upload; 0 means no limit. */
  readonly maxFileBytes: number;
  /** Number of directories in one watch. */
  readonly maxWatchedDirectories: number;
  /** Duration of a search or comparison, after which it returns partial results. */
  readonly searchTimeoutMs: number;
  /** Size of one line of an agent's standard output. A longer one is dropped and reported. */
  readonly maxLineBytes: number;
  /** Number of messages of one agent instance that are retained for replay. */
  readonly maxRetainedEvents: number;
  readonly maxRetainedBytes: number;
  /** Lag of the slowest reader at which the agent's output is paused. */
  readonly maxReaderLagBytes: number;
  /** How long a reader may accept no data before it is disconnected. It can resume with Last-Event-ID. */
  readonly readerStallMs: number;
  /** Size of an agent's unread input. More is rejected. */
  readonly maxAgentInputBytes: number;
  readonly maxAgentInstances: number;
  /** Number of open connections of agents to the MCP servers of clients. */
  readonly maxClientMcpChannels: number;
  readonly heartbeatMs: number;
  /**
   * Delay after which an install's response head is sent, because clients time out without one (Node's after 300 s).
   */
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
  /** How long a permission policy may take before clients are asked. */
  readonly policyTimeoutMs: number;
  readonly maxQueuedPrompts: number;
  /**
   * Size of all session logs of a server without a data directory. The oldest entries are dropped and reported as a
   * gap.
   */
  readonly maxMemoryLogBytes: number;
  /** Size of the transcript before the first prompt of a session that could not be recovered otherwise. */
  readonly maxTranscriptBytes: number;
  readonly maxStderrLines: number;
  readonly maxStderrBytes: number;
  readonly defaultRunTimeoutMs: number;
  readonly maxRunTimeoutMs: number;
  /** Captured output of each stream of a run. */
  readonly maxOutputBytes: number;
  readonly maxConcurrentRuns: number;
  /** Number of runs that wait for others to end. */
  readonly maxWaitingRuns: number;
  /** Number of managed processes that run or wait for a restart. */
  readonly maxConcurrentProcesses: number;
  /** Retained output of each managed process. The oldest output is dropped. */
  readonly maxLogBytesPerProcess: number;
  /** Size of the decoded input in one request or terminal frame. */
  readonly maxInputBytesPerRequest: number;
  /**
   * Number of processes and threads of one command (a run, a process or an agent) with all its descendants; 0 means no
   * limit. Enforced by control groups. Where this user may not create them, a value that is set explicitly limits all
   * tasks of the server's user, unless that is root.
   */
  readonly maxCommandTasks: number;
  /** Memory of one command with all its descendants, enforced where control groups can limit it; 0 means no limit. */
  readonly maxCommandMemoryBytes: number;
  /** Number of exited unnamed processes that are retained for their output. The oldest are dropped. */
  readonly maxExitedProcesses: number;
  readonly maxExitedLogBytes: number;
  /** Size of a text that is written to the desktop's clipboard, and of one that is read from another program. */
  readonly maxClipboardBytes: number;
  /** Size of a recording of the desktop, which ends then. */
  readonly maxRecordingBytes: number;
  /** Number of viewers of the desktop's stream. */
  readonly maxDesktopViewers: number;
}

/** Default limits. Documented in docs/limits-sandbox.md. */
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
  maxClientMcpChannels: 256,
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
  maxClipboardBytes: 16 * 1_048_576,
  maxRecordingBytes: 4_096 * 1_048_576,
  maxDesktopViewers: 32,
};

/** Returns the default limits with the given overrides. Times beyond the range of a timer are capped. */
export function resolveLimits(overrides: Partial<SandboxLimits> = {}): SandboxLimits {
  const limits = Object.entries({ ...defaultLimits, ...overrides }).map(([name, value]) => [
    name,
    name.endsWith("Ms") ? Math.min(value, maxTimeoutMs) : value,
  ]);
  // The defaults contain every name of the type, which the compiler cannot infer through `fromEntries`.
  return Object.fromEntries(limits) as unknown as SandboxLimits;
}
