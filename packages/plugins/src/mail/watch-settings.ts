export const watchLimits = {
  seconds: 60,
  /** Of a message's text, in an event; mail_read gives the rest. */
  textBytes: 8 * 1024,
  messagesAtOnce: 20,
  /** Between attempts at what does not work: at first, and at most. */
  retryMs: 1_000,
  maxRetryMs: 5 * 60_000,
} as const;

export interface WatchSettings {
  /** To which new messages are told. */
  readonly group: string;
  readonly folder: string;
  /** In lower case, addresses or "@domain"; undefined for anybody. */
  readonly from: readonly string[] | undefined;
  readonly seconds: number;
}
