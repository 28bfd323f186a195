export const watchLimits = {
  seconds: 60,
  /** Text of a message in an event; mail_read returns the rest. */
  textBytes: 8 * 1024,
  messagesAtOnce: 20,
  /** First and longest delay before a retry. */
  retryMs: 1_000,
  maxRetryMs: 5 * 60_000,
} as const;

export interface WatchSettings {
  /** Group that receives the events. */
  readonly group: string;
  readonly folder: string;
  /** Accepted senders in lower case, addresses or "@domain"; undefined for any. */
  readonly from: readonly string[] | undefined;
  readonly seconds: number;
}
