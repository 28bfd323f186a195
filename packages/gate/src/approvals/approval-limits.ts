/** Bounds of approvals, in milliseconds, bytes and characters. */
export const approvalLimits = {
  timeoutMs: 300_000,
  maxTimeoutMs: 24 * 3_600_000,
  /** Delay before expiring a record is retried after a disk error. */
  expiryRetryMs: 1_000,
  /** Maximum duration of an approval for a session. */
  sessionMs: 24 * 3_600_000,
  /** A record with more time left was created before the clock was set back, and counts as expired. */
  maxLeftMs: 48 * 3_600_000,
  /** How long a denial also denies repetitions of the call. */
  denialHoldMs: 300_000,
  maxArgumentBytes: 1024 * 1024,
  maxDetailCharacters: 16 * 1024,
  maxTitleCharacters: 200,
  maxOriginCharacters: 400,
  maxPending: 1_000,
  /** Open approvals per session, so that one session cannot use up the limit of all. */
  maxPendingOfSession: 100,
  /** Number of settled records to keep; the audit log has all of them. */
  maxSettled: 10_000,
} as const;
