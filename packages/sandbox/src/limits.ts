/** Limits of a sandbox server. Sizes are bytes. Documented in docs/limits.md. */
export interface SandboxLimits {
  /** A JSON request body, an ACP envelope of a client included. */
  readonly maxJsonBytes: number;
  /** A file upload; 0 means no limit. */
  readonly maxFileBytes: number;
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
  /** How long a stream request waits for the request that starts its agent. */
  readonly bootstrapWaitMs: number;
  /** How long an agent may take to answer `initialize` before it is ended. */
  readonly initializeTimeoutMs: number;
  /** How long an agent with an open request may print nothing before it is ended. */
  readonly silenceTimeoutMs: number;
  readonly maxStderrLines: number;
  readonly maxStderrBytes: number;
  readonly defaultRunTimeoutMs: number;
  readonly maxRunTimeoutMs: number;
  /** Output kept of each stream of a run. */
  readonly maxOutputBytes: number;
  readonly maxConcurrentRuns: number;
}

export const defaultLimits: SandboxLimits = {
  maxJsonBytes: 32 * 1_048_576,
  maxFileBytes: 0,
  maxLineBytes: 32 * 1_048_576,
  maxRetainedEvents: 65_536,
  maxRetainedBytes: 64 * 1_048_576,
  maxReaderLagBytes: 8 * 1_048_576,
  readerStallMs: 30_000,
  maxAgentInputBytes: 64 * 1_048_576,
  maxAgentInstances: 64,
  heartbeatMs: 15_000,
  bootstrapWaitMs: 1_000,
  initializeTimeoutMs: 120_000,
  silenceTimeoutMs: 30 * 60_000,
  maxStderrLines: 16,
  maxStderrBytes: 16_384,
  defaultRunTimeoutMs: 30_000,
  maxRunTimeoutMs: 300_000,
  maxOutputBytes: 1_048_576,
  maxConcurrentRuns: 64,
};
