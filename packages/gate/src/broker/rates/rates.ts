/** Rate limits of calls, bytes and money: by the files of one gate, or shared with the gates of other nodes. */
import type { Principal } from "../tool.ts";

/** Token bucket of a scope: it holds `burst` and refills by `perMinute`. */
export interface Rate {
  readonly perMinute: number;
  readonly burst: number;
}

/** Rates of one scope; an absent one is unlimited. */
export interface ScopeRates {
  readonly calls?: Rate;
  /** Bytes of frames and results together. */
  readonly bytes?: Rate;
  /** Millionths of a dollar: metered costs of models, and costs of tools by `costOf`. */
  readonly money?: Rate;
}

/** Calls of one scope are counted together. */
export type RateScope = "jail" | "tool" | "user" | "organization";

/** Rates by scope. */
export type RateLimits = Readonly<Partial<Record<RateScope, ScopeRates>>>;

const mebibyte = 1024 * 1024;
const dollar = 1_000_000;

/** Default rates. Those of a jail are counted per session, so that a new jail gains no new allowance. */
export const rateLimitDefaults: Readonly<Record<RateScope, ScopeRates>> = {
  jail: {
    calls: { perMinute: 600, burst: 120 },
    bytes: { perMinute: 64 * mebibyte, burst: 32 * mebibyte },
    money: { perMinute: dollar / 2, burst: 25 * dollar },
  },
  /** One tool in one session. */
  tool: { calls: { perMinute: 300, burst: 60 } },
  user: {
    calls: { perMinute: 3_000, burst: 600 },
    bytes: { perMinute: 256 * mebibyte, burst: 128 * mebibyte },
    money: { perMinute: 2 * dollar, burst: 100 * dollar },
  },
  organization: {
    calls: { perMinute: 12_000, burst: 2_400 },
    bytes: { perMinute: 1_024 * mebibyte, burst: 512 * mebibyte },
    money: { perMinute: 10 * dollar, burst: 500 * dollar },
  },
};

export const units = ["calls", "bytes", "money"] as const;
export type Unit = (typeof units)[number];

/** Tokens of one scope and unit. */
export interface Bucket {
  /** Can be negative: the actual use of a call is charged afterwards. */
  left: number;
  at: number;
}

export interface Limited {
  readonly scope: RateScope;
  readonly unit: Unit;
  /** Undefined if the rate is 0 per minute: such a bucket never refills. */
  readonly retryAfterMs: number | undefined;
}

/** Counts what calls use, within the limits of all their scopes. */
export interface Rates {
  /** Charges one call of `bytes`. If a limit is reached, returns it and charges nothing. */
  take(principal: Principal, tool: string, bytes: number): Limited | undefined | Promise<Limited | undefined>;
  /** Charges the actual use of a call. */
  charge(principal: Principal, tool: string, used: { readonly bytes: number; readonly money: number }): void;
  /** The limit in money that is reached, if any. Models are not called then. */
  spent(principal: Payer): Limited | undefined | Promise<Limited | undefined>;
  /** Charges the cost of a model call, in millionths of a dollar. */
  spend(principal: Payer, money: number): void;
  close(): Promise<void>;
}

/** Adds what has been refilled since the last time. */
export function refill(bucket: Bucket, rate: Rate, now: number): void {
  // A clock that was set back refills nothing; one that jumps ahead refills at most the burst.
  const elapsed = Math.max(now - bucket.at, 0);
  bucket.left = Math.min(rate.burst, bucket.left + (elapsed / 60_000) * rate.perMinute);
  bucket.at = now;
}

/** Milliseconds until `missing` is refilled; undefined if it never is. */
export function waitFor(missing: number, { perMinute }: Rate): number | undefined {
  return perMinute > 0 ? (missing / perMinute) * 60_000 : undefined;
}

/** The scopes that a session's costs count towards. */
export type Payer = Pick<Principal, "session" | "user" | "organization">;

/** The scopes of a call, each with its subject. */
export function scopesOf(principal: Principal, tool: string): readonly (readonly [RateScope, string])[] {
  return [["tool", `${principal.session}\0${tool}`], ...payersOf(principal)];
}

export function payersOf({ session, user, organization }: Payer): readonly (readonly [RateScope, string])[] {
  const scopes: (readonly [RateScope, string])[] = [["jail", session]];
  if (user !== undefined) scopes.push(["user", user]);
  if (organization !== undefined) scopes.push(["organization", organization]);
  return scopes;
}
