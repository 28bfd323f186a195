/** Limits of the Studio, in bytes and milliseconds. Documented in docs/limits.md. */
export const studioLimits = {
  /** A prompt's text, in UTF-8. */
  maxPromptBytes: 32 * 1024,
  /** Prompts that wait in a task's queue. */
  maxQueuedPrompts: 20,
  /** Patches of one diff together, and of one file. */
  maxDiffBytes: 2 * 1024 * 1024,
  maxPatchBytes: 256 * 1024,
  maxDiffFiles: 5_000,
  /** A whole diff as JSON: it has to fit into one answer. The longest patches are left out first. */
  maxDiffMessageBytes: 960 * 1024,
  /** Git's own list of the changed files. */
  maxDiffListBytes: 16 * 1024 * 1024,
  /** Each of the steps of git in which a repository is cloned; a large one takes its time. */
  cloneTimeoutMs: 30 * 60 * 1000,
  /** A pack of changed objects that a jail hands over. */
  maxSnapshotBytes: 1024 * 1024 * 1024,
  /** One ACP envelope; a longer one is kept as a notice of its size. */
  maxEnvelopeBytes: 256 * 1024,
  /** Nesting of an envelope; a deeper one is kept as a notice. */
  maxEnvelopeDepth: 40,
  /** The log of one session. */
  maxSessionBytes: 256 * 1024 * 1024,
  /** What a page of events may hold, besides its count. */
  maxEventPageBytes: 768 * 1024,
  maxEventsPerPage: 1_000,
  /** The transcript that is told to a new agent when the old session cannot be loaded. */
  maxTranscriptPromptBytes: 48 * 1024,
  /** The text of an approval card. */
  maxApprovalDetailBytes: 16 * 1024,
  maxPendingApprovals: 32,
  maxAnswersAtOnce: 100,
  /** Attempts to tell a webhook of a question, the pause before the second (four times as long each), one of them. */
  approvalHookAttempts: 3,
  approvalHookPauseMs: 1_000,
  approvalHookTimeoutMs: 10_000,
  approvalTtlMs: 24 * 60 * 60 * 1000,
  /** From `session/cancel` to the end of the jail. */
  stopGraceMs: 800,
  agentStartTimeoutMs: 60_000,
  /** An agent that nobody prompts is ended after this time; at most `maxIdleAgents` wait. */
  idleAgentMs: 5 * 60 * 1000,
  maxIdleAgents: 2,
  /** How often one prompt is begun again after the server was ended in the middle of it. */
  maxAttempts: 5,
  jailMemoryBytes: 4 * 1024 * 1024 * 1024,
  jailPids: 2_048,
  jailTmpBytes: 1024 * 1024 * 1024,
  /** What the workspace and the home of a task may hold together. */
  jailDiskBytes: 64 * 1024 * 1024 * 1024,
  jailDiskEntries: 4_000_000,
  ticketTtlMs: 5 * 60 * 1000,
  loginTtlMs: 30 * 24 * 60 * 60 * 1000,
  maxLogins: 100,
  maxGroupsFileBytes: 256 * 1024,
  maxGroups: 64,
  maxWebhooks: 16,
  maxWebhookPromptCharacters: 4_000,
  /** The body of a request to a webhook; of a longer one than 16,000 characters the agent is told the beginning. */
  maxWebhookBytes: 1024 * 1024,
  /** Events of one group that wait for their turn. */
  maxWaitingEvents: 100,
  /** Events that a group keeps, and knows again when they come a second time. */
  maxKeptEvents: 2_000,
  maxEventsShown: 50,
  /** Sessions that a group can go on with. */
  maxGroupSessions: 50,
  /** A session that was not used for this long is not gone on with. */
  sessionResumeMs: 24 * 60 * 60 * 1000,
  /** An event that cannot be begun is tried again: at first after this long, then four times as long each. */
  beginRetryMs: 2_000,
  maxBeginRetryMs: 15 * 60 * 1000,
  /** Then it has failed. */
  maxBeginAttempts: 7,
  /** A plugin's event waits this long for a Studio that is starting. */
  eventAcceptMs: 5_000,
  /** What a memory brief may take. */
  memoryBriefMs: 5_000,
  maxMemoryBriefCharacters: 10_000,
} as const;

/** Each limit by name, in numbers. */
export type StudioLimits = { readonly [Name in keyof typeof studioLimits]: number };
