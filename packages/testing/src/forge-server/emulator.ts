import type { HostedRepository } from "./repository.ts";
import type { ForgeFault } from "./server.ts";
import type { WebhookSender } from "./webhook-sender.ts";

/** Rate limit of all tokens together. `resetAt` is in milliseconds since the epoch. */
export interface RateLimit {
  limit: number;
  remaining: number;
  resetAt: number;
}

/** What every emulator of a forge offers to a test. */
export interface ForgeEmulator {
  readonly url: string;
  readonly apiUrl: string;
  /** "METHOD path?query STATUS" of each request to the API. */
  readonly requests: readonly string[];
  /** Each takes the place of one answer, in this order. */
  readonly faults: ForgeFault[];
  readonly rateLimit: RateLimit;
  /** The emulator's clock, in milliseconds since the epoch. */
  now(): number;
  /** Moves the clock of tokens and new rows forward. */
  advance(ms: number): void;
  addRepository(fullName: string, files?: Readonly<Record<string, string>>): Promise<HostedRepository>;
  /** Reports changes to `url` from now on, signed with `secret`. */
  sendWebhooksTo(url: string, secret: string): WebhookSender;
  close(): Promise<void>;
}
