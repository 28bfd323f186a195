/** Limits of agents as actors. Sizes are bytes. Documented in docs/limits-agents.md. */
export const agentLimits = {
  /** A prompt: its text and files. */
  maxPromptBytes: 8 * 1_048_576,
  /** The body of a request of a chat, which carries the conversation so far. */
  maxRequestBytes: 32 * 1_048_576,
  /** Prompts that wait for their turn. */
  maxQueuedTurns: 64,
  /** What a message keeps of the output of one tool call; the rest is cut off. */
  maxToolOutputBytes: 65_536,
  /** Messages in one answer of `messages`. */
  maxMessages: 1_000,
  maxFacts: 1_000,
  maxFactBytes: 4_096,
  /** Facts that one search returns. */
  maxFoundFacts: 50,
  /** Facts that an agent is told when its session begins. */
  maxToldFacts: 50,
  /** Interval of comments in a stream without chunks, so that proxies keep it open. */
  keepAliveMs: 15_000,
} as const;
