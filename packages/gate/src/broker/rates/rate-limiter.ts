import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import type { Clock, Logger } from "@holdfast/core";
import type { Principal } from "../tool.ts";
import {
  type Bucket,
  type Limited,
  type Payer,
  payersOf,
  type Rate,
  type RateLimits,
  type RateScope,
  type Rates,
  rateLimitDefaults,
  refill,
  type ScopeRates,
  scopesOf,
  units,
  waitFor,
} from "./rates.ts";

const version = 1;
const maxBuckets = 100_000;
/** Eviction scans all buckets, so it removes many at a time. */
const keptBuckets = 90_000;
const saveDelayMs = 500;

export interface RateLimiterOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: RateLimits;
}

/**
 * Token buckets of calls, bytes and money for every scope of a call. They are saved to disk after half a second and at
 * close, so a restart does not refill them.
 */
export class RateLimiter implements Rates {
  readonly #options: RateLimiterOptions;
  readonly #limits: Readonly<Record<RateScope, ScopeRates>>;
  /** Prefix of the buckets' keys: scope and unit. */
  readonly #rates: ReadonlyMap<string, Rate>;
  readonly #buckets: Map<string, Bucket>;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: RateLimiterOptions) {
    this.#options = options;
    this.#limits = { ...rateLimitDefaults, ...options.limits };
    this.#rates = new Map(
      Object.entries(this.#limits).flatMap(([scope, rates]) =>
        units.flatMap((unit): [string, Rate][] => {
          const rate = rates[unit];
          return rate === undefined ? [] : [[`${scope}\0${unit}`, rate]];
        }),
      ),
    );
    this.#buckets = load(options);
  }

  /** Charges one call of `bytes`. If a limit is reached, returns it and charges nothing. */
  take(principal: Principal, tool: string, bytes: number): Limited | undefined {
    const now = this.#options.clock.now();
    const taken: [Bucket, number][] = [];
    for (const [scope, key] of scopesOf(principal, tool)) {
      for (const unit of units) {
        const rate = this.#limits[scope][unit];
        if (rate === undefined) continue;
        const bucket = this.#bucket(`${scope}\0${unit}\0${key}`, rate, now);
        // A frame passes while anything is left: its size alone can exceed the burst.
        const needed = unit === "calls" ? 1 : Number.MIN_VALUE;
        if (bucket.left < needed) {
          return { scope, unit, retryAfterMs: waitFor(needed - bucket.left, rate) };
        }
        taken.push([bucket, unit === "calls" ? 1 : unit === "bytes" ? bytes : 0]);
      }
    }
    for (const [bucket, amount] of taken) bucket.left -= amount;
    this.#changed();
    return undefined;
  }

  /** Charges the actual use of a call. */
  charge(principal: Principal, tool: string, used: { readonly bytes: number; readonly money: number }): void {
    const now = this.#options.clock.now();
    for (const [scope, key] of scopesOf(principal, tool)) {
      for (const unit of ["bytes", "money"] as const) {
        const rate = this.#limits[scope][unit];
        if (rate === undefined || used[unit] === 0) continue;
        this.#bucket(`${scope}\0${unit}\0${key}`, rate, now).left -= used[unit];
      }
    }
    this.#changed();
  }

  /** The limit in money that is reached, if any. Models are not called then. */
  spent(principal: Payer): Limited | undefined {
    const now = this.#options.clock.now();
    for (const [scope, key] of payersOf(principal)) {
      const rate = this.#limits[scope].money;
      if (rate === undefined) continue;
      const { left } = this.#bucket(`${scope}\0money\0${key}`, rate, now);
      if (left <= 0) return { scope, unit: "money", retryAfterMs: waitFor(-left, rate) };
    }
    return undefined;
  }

  /** Charges the cost of a model call, in millionths of a dollar. */
  spend(principal: Payer, money: number): void {
    if (money === 0) return;
    const now = this.#options.clock.now();
    for (const [scope, key] of payersOf(principal)) {
      const rate = this.#limits[scope].money;
      if (rate !== undefined) this.#bucket(`${scope}\0money\0${key}`, rate, now).left -= money;
    }
    this.#changed();
  }

  #bucket(key: string, rate: Rate, now: number): Bucket {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= maxBuckets) this.#makeRoom(now);
      bucket = { left: rate.burst, at: now };
      this.#buckets.set(key, bucket);
      return bucket;
    }
    refill(bucket, rate, now);
    return bucket;
  }

  /**
   * Evicts full buckets, which loses nothing, then those that would be full soonest. The most overdrawn ones, and
   * those that never refill, are kept.
   */
  #makeRoom(now: number): void {
    const all = [...this.#buckets].map(([key, bucket]) => ({
      key,
      fullInMs: this.#fullIn(key, bucket, now),
    }));
    all.sort((a, b) => a.fullInMs - b.fullInMs);
    for (const { key, fullInMs } of all) {
      if (fullInMs <= 0 || this.#buckets.size > keptBuckets) this.#buckets.delete(key);
    }
  }

  /** Milliseconds until a bucket is full. */
  #fullIn(key: string, { left, at }: Bucket, now: number): number {
    const rate = this.#rates.get(key.slice(0, key.indexOf("\0", key.indexOf("\0") + 1)));
    // The current configuration has no such rate, so the bucket is unused.
    if (rate === undefined) return 0;
    const filled = left + (Math.max(now - at, 0) / 60_000) * rate.perMinute;
    return filled >= rate.burst ? 0 : (waitFor(rate.burst - filled, rate) ?? Number.MAX_VALUE);
  }

  #changed(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#save();
    }, saveDelayMs).unref();
  }

  #save(): Promise<void> {
    const { path, log } = this.#options;
    const text = JSON.stringify({ version, buckets: [...this.#buckets] });
    this.#saving = this.#saving.then(async () => {
      try {
        await writeFile(`${path}.new`, text, { mode: 0o600 });
        await rename(`${path}.new`, path);
      } catch (error) {
        log.error("the rate limits could not be saved", { error });
      }
    });
    return this.#saving;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#save();
  }
}

function load({ path, log }: RateLimiterOptions): Map<string, Bucket> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // The first start.
    return new Map();
  }
  try {
    const saved = JSON.parse(text) as { version?: unknown; buckets?: unknown };
    if (saved.version !== version || !Array.isArray(saved.buckets)) throw new Error("unknown version");
    const entries = saved.buckets as [string, Bucket][];
    return new Map(entries.filter(([, { left, at }]) => Number.isFinite(left) && Number.isFinite(at)));
  } catch (error) {
    log.error("the saved rate limits cannot be read; all buckets start full", { error });
    return new Map();
  }
}
