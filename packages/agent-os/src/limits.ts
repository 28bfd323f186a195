const mebibyte = 1_048_576;

/** Limits of machines. Documented in docs/limits-sandbox.md. */
export const agentOsLimits = {
  memoryBytes: 2_048 * mebibyte,
  pids: 512,
  tmpBytes: 512 * mebibyte,
  diskBytes: 10_240 * mebibyte,
  diskEntries: 200_000,
  /** How long a machine may take to start. */
  startTimeoutMs: 15_000,
  /** Machines that were started ahead, at most. */
  maxSpares: 8,
  /** Time between the start of a machine and that of the next one ahead. */
  spareDelayMs: 300,
  /** Without a start of a machine for this long, those that were started ahead end. */
  spareIdleMs: 60_000,
  /** How long the programs of a machine may take to end before they are killed. */
  stopGraceMs: 2_000,
  /** How long an action may run: a command or a prompt, for example. */
  actionTimeoutMs: 3_600_000,
  /** How long an actor that goes to sleep may take for its last snapshot. */
  sleepGracePeriodMs: 120_000,
  /** Body of an answer to `vmFetch`. */
  maxFetchBytes: 16 * mebibyte,
  /** Contents of a `readFiles` together, as of one `readFile`. */
  maxReadBytes: 64 * mebibyte,
  /** Entries of a recursive listing. */
  maxListedEntries: 50_000,
  /** Preview tokens of one machine that have not expired. */
  maxPreviews: 100,
  maxCronJobs: 100,
  /** Files from this size on are objects of their own in a snapshot; smaller ones are packed. */
  maxPackedBytes: mebibyte,
  /** Size of a pack. */
  packBytes: 32 * mebibyte,
  /** How long a call to a mounted sandbox may take before programs get EIO. */
  mountTimeoutMs: 10_000,
  /** How much longer a mount waits for a sign of work of its host before programs get EIO. */
  mountQuietMs: 5_000,
  /** How long a request to a mount may take, such as the upload of a file. */
  mountRequestMs: 600_000,
  /** Contents of a folder in memory, by default and at most. */
  mountMemoryBytes: 64 * mebibyte,
  maxMountMemoryBytes: 4_096 * mebibyte,
  mountMemoryEntries: 100_000,
  /** Files and folders in one folder of a bucket. */
  mountListedEntries: 100_000,
  /** Larger files of a bucket are uploaded in parts of this size. */
  mountPartBytes: 8 * mebibyte,
  /** Local copies of files that are written in one mount, together. */
  mountSpoolBytes: 2_048 * mebibyte,
  /** Files up to this size are uploaded from memory, larger ones as a stream. */
  mountUploadBytes: 4 * mebibyte,
  /** How long a call of a tool may take, unless the tool says otherwise. */
  toolTimeoutMs: 30_000,
  maxToolTimeoutMs: 3_600_000,
  /** Command line of a call, and its input. */
  maxToolInputBytes: mebibyte,
  maxToolResultBytes: mebibyte,
  /** Calls of one machine at a time. */
  maxToolCalls: 64,
  /** How long a command may take to send its request, and its input. */
  toolInputMs: 30_000,
  /** How long the commands of calls may take to end before the programs of a machine that stops are told to. */
  toolEndMs: 500,
  /** Characters of the description of a tool or a kit. */
  maxToolDescription: 200,
  /** Time between snapshots of a machine in which something happens. */
  snapshotIntervalMs: 5_000,
  minSnapshotIntervalMs: 500,
} as const;
