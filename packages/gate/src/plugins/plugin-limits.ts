/** Limits of plugins. Sizes are bytes, times milliseconds. */
export const pluginLimits = {
  maxManifestBytes: 64 * 1024,
  /** Depth of an arguments schema: a property is 1, its items are 2. */
  maxSchemaDepth: 5,
  maxSchemaProperties: 30,
  maxToolsPerPlugin: 64,
  maxPlugins: 128,
  maxSkillBytes: 64 * 1024,
  maxSkillsPerPlugin: 20,
  maxCredentialBytes: 64 * 1024,
  maxCredentials: 64,
  maxConfigBytes: 64 * 1024,
  maxFolderFiles: 20_000,
  maxFolderBytes: 256 * 1024 * 1024,
  /** Processes that start concurrently. */
  startsAtOnce: 3,
  initializeMs: 10_000,
  shutdownMs: 5_000,
  verifyMs: 10_000,
  defaultTimeoutMs: 30_000,
  maxTimeoutMs: 600_000,
  /** Servers that the operator lets one plugin speak to by TCP. */
  maxConnections: 8,
  /** Connections to one of them at once. */
  maxOpenConnections: 16,
  /** A connection on which neither side says anything is closed; mail servers wait for 29 minutes. */
  connectionIdleMs: 30 * 60_000,
  /** Concurrent calls of one plugin. */
  maxCalls: 64,
  /** Requests of one plugin that the gate has not answered yet. */
  maxQuestions: 64,
  /** Unread answers to a plugin's requests, in bytes; a process that leaves more unread is ended. */
  maxUnreadAnswerBytes: 8 * 1024 * 1024,
  /** Grace period for the answer to a cancelled call; after it the process is ended. */
  unresponsiveMs: 5_000,
  /** When a call may be repeated that could not reach the data that nodes share. */
  sharedRetryMs: 1_000,
  /** How long a replaced process may drain its calls. */
  drainMs: 30_000,
  /** Crashes within the window after which the plugin rests. */
  maxCrashes: 3,
  crashWindowMs: 60_000,
  crashRestMs: 30_000,
  /** Debounce of changes in a plugin folder. */
  debounceMs: 300,
  /** Queued events of one plugin; more are dropped and counted. */
  maxWaitingEvents: 256,
  eventMs: 30_000,
  maxEventBytes: 64 * 1024,
  /** Events that a plugin may publish: at once, and each second after. */
  publishBurst: 100,
  publishPerSecond: 20,
  memoryBytes: 512 * 1024 * 1024,
  pids: 64,
  tmpBytes: 64 * 1024 * 1024,
  /** Default quota of its data folder; the operator may grant another. */
  diskBytes: 4 * 1024 * 1024 * 1024,
  diskEntries: 200_000,
  /** Characters of a plugin's output kept for the log. */
  maxPrintedBytes: 8 * 1024,
  auditAnswers: 100,
} as const;
