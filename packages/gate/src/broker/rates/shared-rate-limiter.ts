import type { Clock, Logger } from "@holdfast/core";
import type { Principal } from "../tool.ts";
import {
  type Limited,
  type Payer,
  payersOf,
  type Rate,
  type RateLimits,
  type RateScope,
  type Rates,
  rateLimitDefaults,
  type ScopeRates,
  scopesOf,
  type Unit,
  units,
} from "./rates.ts";
import type { BucketRequest, BucketSubject, SharedBuckets } from "./shared-buckets.ts";

export const sharedRateLimits = {
  /** Part of a bucket's burst that a node takes at once. */
  share: 0.1,
  /** After this time without use, a node returns what it has left. */
  idleMs: 10_000,
  /** How often charges and unused grants are sent. */
  settleMs: 1_000,
} as const;

export interface SharedRateLimiterOptions {
  readonly buckets: SharedBuckets;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: RateLimits;
  /** Replaces `sharedRateLimits.idleMs`, for tests. */
  readonly idleMs?: number;
}

/** One bucket of a call, and what the call takes from it. */
interface Need {
  readonly key: string;
  readonly scope: RateScope;
  readonly unit: Unit;
  readonly subject: BucketSubject;
  readonly bucket: string;
  readonly rate: Rate;
  readonly needed: number;
  readonly amount: number;
}

/** What this node may still use of a bucket without asking. Negative where calls used more than was granted. */
interface Allowance {
  readonly need: Need;
  left: number;
  usedAt: number;
}

/**
 * Rate limits that hold for all nodes together. A node takes a share of each bucket in advance, so that most calls ask
 * nobody; it returns what it does not use. What a killed node had taken counts as used.
 */
export class SharedRateLimiter implements Rates {
  readonly #options: SharedRateLimiterOptions;
  readonly #limits: Readonly<Record<RateScope, ScopeRates>>;
  readonly #allowances = new Map<string, Allowance>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SharedRateLimiterOptions) {
    this.#options = options;
    this.#limits = { ...rateLimitDefaults, ...options.limits };
  }

  take(
    principal: Principal,
    tool: string,
    bytes: number,
  ): Limited | undefined | Promise<Limited | undefined> {
    const needs = this.#needsOf(scopesOf(principal, tool), units, (unit) => ({
      // A frame passes while anything is left: its size alone can exceed the burst.
      needed: unit === "calls" ? 1 : Number.MIN_VALUE,
      amount: unit === "calls" ? 1 : unit === "bytes" ? bytes : 0,
    }));
    return this.#takeHeld(needs) ? undefined : this.#takeShared(needs);
  }

  charge(principal: Principal, tool: string, used: { readonly bytes: number; readonly money: number }): void {
    this.#charge(
      this.#needsOf(scopesOf(principal, tool), ["bytes", "money"], (unit) => ({
        needed: 0,
        amount: unit === "bytes" ? used.bytes : used.money,
      })),
    );
  }

  spent(principal: Payer): Limited | undefined | Promise<Limited | undefined> {
    const needs = this.#needsOf(payersOf(principal), ["money"], () => ({
      needed: Number.MIN_VALUE,
      amount: 0,
    }));
    return this.#takeHeld(needs) ? undefined : this.#takeShared(needs);
  }

  spend(principal: Payer, money: number): void {
    this.#charge(this.#needsOf(payersOf(principal), ["money"], () => ({ needed: 0, amount: money })));
  }

  #needsOf(
    scopes: ReturnType<typeof scopesOf>,
    counted: readonly Unit[],
    of: (unit: Unit) => Pick<Need, "needed" | "amount">,
  ): Need[] {
    return scopes.flatMap(([scope, key]) =>
      counted.flatMap((unit): Need[] => {
        const rate = this.#limits[scope][unit];
        if (rate === undefined) return [];
        const [id = "", tool] = key.split("\0");
        const kind = scope === "jail" || scope === "tool" ? "session" : scope;
        const bucket = tool === undefined ? `${scope} ${unit}` : `${scope} ${unit} ${tool}`;
        return [
          { key: `${scope}\0${unit}\0${key}`, scope, unit, subject: { kind, id }, bucket, rate, ...of(unit) },
        ];
      }),
    );
  }

  #leftOf({ key }: Need): number {
    return this.#allowances.get(key)?.left ?? 0;
  }

  #allowance(need: Need): Allowance {
    let allowance = this.#allowances.get(need.key);
    if (allowance === undefined) {
      allowance = { need, left: 0, usedAt: 0 };
      this.#allowances.set(need.key, allowance);
    }
    allowance.usedAt = this.#options.clock.now();
    return allowance;
  }

  /** Takes from what this node holds; nothing if one bucket has too little. */
  #takeHeld(needs: readonly Need[]): boolean {
    if (needs.some((need) => this.#leftOf(need) < need.needed)) return false;
    for (const need of needs) this.#allowance(need).left -= need.amount;
    this.#settleLater();
    return true;
  }

  async #takeShared(needs: readonly Need[]): Promise<Limited | undefined> {
    do {
      const missing = needs.filter((need) => this.#leftOf(need) < need.needed);
      const refused = await this.#ask(missing);
      if (refused !== undefined) return refused;
      // Another call may have used meanwhile what was granted for this one.
    } while (!this.#takeHeld(needs));
    return undefined;
  }

  /** Asks for a share of each bucket. Returns the first limit that is reached. */
  async #ask(needs: readonly Need[]): Promise<Limited | undefined> {
    const answers = await Promise.all(
      [...Map.groupBy(needs, subjectName).values()].map(async (group) => {
        const requests = group.map((need) => ({ need, request: this.#request(need) }));
        const grants = await this.#send(group, requests);
        return requests.map(({ need }, index) => ({ need, grant: grants[index] }));
      }),
    );
    let limited: Limited | undefined;
    for (const { need, grant } of answers.flat()) {
      if (grant === undefined) continue;
      this.#allowance(need).left += grant.granted;
      if (grant.granted > 0 || limited !== undefined) continue;
      limited = { scope: need.scope, unit: need.unit, retryAfterMs: grant.retryAfterMs ?? undefined };
    }
    this.#settleLater();
    return limited;
  }

  /** A request for a share, with what was used beyond the last one. */
  #request(need: Need): BucketRequest {
    const { bucket, rate, needed } = need;
    const allowance = this.#allowance(need);
    const charge = Math.max(0, -allowance.left);
    allowance.left += charge;
    return { bucket, rate, charge, needed, wanted: Math.max(needed, 1, rate.burst * sharedRateLimits.share) };
  }

  /** Sends requests of one subject. If that fails, their charges are owed again. */
  async #send(needs: readonly Need[], requests: readonly { need: Need; request: BucketRequest }[]) {
    const [first] = needs;
    if (first === undefined) return [];
    try {
      return await this.#options.buckets.take(
        first.subject,
        requests.map(({ request }) => request),
      );
    } catch (error) {
      for (const { need, request } of requests) this.#allowance(need).left -= request.charge;
      throw error;
    }
  }

  #charge(needs: readonly Need[]): void {
    for (const need of needs) if (need.amount !== 0) this.#allowance(need).left -= need.amount;
    this.#settleLater();
  }

  #settleLater(): void {
    if (this.#timer !== undefined || this.#closed || this.#allowances.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const idleSince = this.#options.clock.now() - (this.#options.idleMs ?? sharedRateLimits.idleMs);
      void this.#settle(idleSince).finally(() => this.#settleLater());
    }, sharedRateLimits.settleMs).unref();
  }

  /** Sends what was used beyond the grants, and returns grants that were last used before `idleSince`. */
  async #settle(idleSince: number): Promise<void> {
    const due: { need: Need; request: BucketRequest }[] = [];
    for (const [key, allowance] of this.#allowances) {
      const { need, left, usedAt } = allowance;
      if (left >= 0 && usedAt > idleSince) continue;
      if (left >= 0) this.#allowances.delete(key);
      if (left === 0) continue;
      allowance.left = 0;
      due.push({
        need,
        request: { bucket: need.bucket, rate: need.rate, charge: -left, needed: 0, wanted: 0 },
      });
    }
    const bySubject = Map.groupBy(due, ({ need }) => subjectName(need));
    await Promise.all(
      [...bySubject.values()].map(async (group) => {
        const needs = group.map(({ need }) => need);
        await this.#send(needs, group).catch((error: unknown) => {
          this.#options.log.error("the use of rate limits could not be sent to the other nodes", { error });
        });
      }),
    );
  }

  /** Returns all grants that are left. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#settle(Number.POSITIVE_INFINITY);
  }
}

function subjectName({ subject }: Need): string {
  return `${subject.kind} ${subject.id}`;
}
