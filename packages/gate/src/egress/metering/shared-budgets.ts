import { type Clock, HoldfastError, isHoldfastError, type Logger } from "@holdfast/core";
import type { Principal } from "../../vault/grants.ts";
import {
  type AllowanceAnswer,
  type AllowanceRequest,
  type Allowances,
  allowanceLimits,
  type BudgetBounds,
} from "./allowances.ts";
import {
  type BudgetPeriod,
  type BudgetRule,
  type BudgetScope,
  type BudgetStatus,
  budgetExceeded,
  periodAt,
  rulesFor,
  type Spent,
  subjectOf,
} from "./budget.ts";
import type { BudgetLedger } from "./budget-ledger.ts";
import type { Budgets, Reservation } from "./budgets.ts";

export interface SharedBudgetsOptions {
  /** What this node has used. It has no rules of its own. */
  readonly ledger: BudgetLedger;
  readonly allowances: Allowances;
  /** Name of this node. A ledger that was copied to another node is another holder. */
  readonly node: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly rules: readonly BudgetRule[];
  /** Replaces `allowanceLimits.idleMs`, for tests. */
  readonly idleMs?: number;
}

/** One budget of one subject in one period, with the bounds of all rules about it. */
interface Count {
  readonly key: string;
  readonly rules: readonly BudgetRule[];
  readonly scope: BudgetScope;
  readonly subject: string;
  readonly period: BudgetPeriod;
  readonly name: string;
  readonly bounds: BudgetBounds;
}

/** What this node may use of a count, in total. */
interface Allowance {
  readonly count: Count;
  allowed: Spent;
  usedAt: number;
}

const bounded = ["tokens", "costMicros"] as const;
const nothing: Spent = { tokens: 0, costMicros: 0 };

function add(a: Spent, b: Spent): Spent {
  return { tokens: a.tokens + b.tokens, costMicros: a.costMicros + b.costMicros };
}

/**
 * Budgets that hold for all nodes together. A node asks for an allowance of each budget that a call counts towards, and
 * then spends it without asking. What it does not use it returns.
 */
export class SharedBudgets implements Budgets {
  readonly #options: SharedBudgetsOptions;
  readonly #holder: string;
  readonly #held = new Map<string, Allowance>();
  /** Serializes requests: an answer must not replace that of a later request. */
  #tail: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SharedBudgetsOptions) {
    this.#options = options;
    this.#holder = `${options.ledger.holder} ${options.node}`;
  }

  rulesFor(principal: Principal, own: readonly BudgetRule[] = []): readonly BudgetRule[] {
    return rulesFor([...this.#options.rules, ...own], principal);
  }

  async reserve(principal: Principal, wanted: Spent, own: readonly BudgetRule[] = []): Promise<Reservation> {
    for (;;) {
      const counts = this.#countsFor(principal, own);
      const missing = counts.find((count) => !this.#admits(count, wanted));
      if (missing === undefined) {
        for (const { key } of counts) this.#touch(key);
        // No other call runs between the check and the reservation.
        return this.#options.ledger.reserve(principal, wanted);
      }
      await this.#raise(missing, wanted);
    }
  }

  settle(reservation: Reservation, used: Spent | undefined): void {
    this.#options.ledger.settle(reservation, used);
    this.#settleLater();
  }

  charge(principal: Principal, used: Spent): void {
    this.#options.ledger.charge(principal, used);
  }

  /** The use of all nodes. A subject is shown by a node that it has used. */
  async status(): Promise<readonly BudgetStatus[]> {
    const { ledger, rules, clock } = this.#options;
    const status: BudgetStatus[] = [];
    for (const rule of rules) {
      for (const subject of ledger.subjectsOf(rule)) {
        const count = countOf(rule.scope, subject, rule.period, [rule], clock.now());
        const answer = await this.#serially(() => this.#ask("report", count));
        status.push({ ...rule, subject, spent: answer.used, reserved: answer.held });
      }
    }
    return status;
  }

  #countsFor(principal: Principal, own: readonly BudgetRule[]): readonly Count[] {
    const now = this.#options.clock.now();
    const groups = Map.groupBy(this.rulesFor(principal, own), ({ scope, period }) => `${scope} ${period}`);
    return [...groups.values()].flatMap((rules): Count[] => {
      const [rule] = rules;
      if (rule === undefined) return [];
      const subject = subjectOf(rule.scope, principal);
      return subject === undefined ? [] : [countOf(rule.scope, subject, rule.period, rules, now)];
    });
  }

  #used({ scope, subject, name }: Count): Spent {
    const { spent, reserved } = this.#options.ledger.standing({ scope }, subject, name);
    return add(spent, reserved);
  }

  /** Whether the allowance of this node covers a call. */
  #admits(count: Count, wanted: Spent): boolean {
    const held = this.#held.get(count.key);
    if (held === undefined) return false;
    const needed = add(this.#used(count), wanted);
    return bounded.every((unit) => count.bounds[unit] === undefined || needed[unit] <= held.allowed[unit]);
  }

  /** Asks for an allowance that covers a call. Throws `egress.budget_exceeded`. */
  #raise(count: Count, wanted: Spent): Promise<void> {
    return this.#serially(async () => {
      // A request before this one may have raised it already.
      if (this.#admits(count, wanted)) return;
      const used = this.#used(count);
      const { allowed, over, used: spent, held } = await this.#ask("raise", count, add(used, wanted));
      this.#held.set(count.key, { count, allowed, usedAt: this.#options.clock.now() });
      this.#settleLater();
      if (over === undefined) return;
      const rule = count.rules.find((each) => each[over] === count.bounds[over]) ?? count.rules[0];
      if (rule !== undefined) throw budgetExceeded(rule, over, { spent, reserved: held, wanted });
    });
  }

  async #ask(
    kind: AllowanceRequest["kind"],
    count: Count,
    wanted: Spent = nothing,
  ): Promise<AllowanceAnswer> {
    const { allowances, clock } = this.#options;
    const { scope, subject, period, name, bounds } = count;
    const used = this.#used(count);
    const request = { kind, holder: this.#holder, period, name, at: clock.now(), bounds, used, wanted };
    try {
      return await allowances.hold({ scope, id: subject }, request);
    } catch (cause) {
      if (isHoldfastError(cause) && cause.group === "egress") throw cause;
      throw new HoldfastError(
        "egress",
        "budget_unavailable",
        `The budget of this ${scope} cannot be counted now: the node that counts it did not answer`,
        { statusCode: 503, cause },
      );
    }
  }

  #serially<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => {});
    return done;
  }

  #touch(key: string): void {
    const held = this.#held.get(key);
    if (held !== undefined) held.usedAt = this.#options.clock.now();
  }

  #settleLater(): void {
    if (this.#timer !== undefined || this.#closed || this.#held.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const idleSince = this.#options.clock.now() - (this.#options.idleMs ?? allowanceLimits.idleMs);
      void this.#return(idleSince).finally(() => this.#settleLater());
    }, allowanceLimits.settleMs).unref();
  }

  /** Returns what is left of allowances that were last used before `idleSince`. */
  async #return(idleSince: number): Promise<void> {
    for (const held of this.#held.values()) {
      if (held.usedAt > idleSince) continue;
      await this.#serially(async () => {
        if (held.usedAt <= idleSince) await this.#giveBack(held);
      }).catch((error: unknown) => {
        this.#options.log.warn("an unused part of a budget could not be returned", { error });
      });
    }
  }

  async #giveBack(held: Allowance): Promise<void> {
    const { ledger, clock } = this.#options;
    const { key, scope, subject, name } = held.count;
    const { spent, reserved } = ledger.standing({ scope }, subject, name);
    // Given up before it is returned, so that no call uses it any more.
    held.allowed = add(spent, reserved);
    // Asked again later if this fails, or for what running calls do not use.
    held.usedAt = clock.now();
    await this.#ask("return", held.count);
    const isRunning = reserved.tokens > 0 || reserved.costMicros > 0;
    if (!isRunning) this.#held.delete(key);
  }

  /** Returns all that is left. Idempotent. */
  async leave(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#return(Number.POSITIVE_INFINITY);
    this.#held.clear();
  }

  async close(): Promise<void> {
    await this.leave();
    this.#options.ledger.close();
  }
}

function countOf(
  scope: BudgetScope,
  subject: string,
  period: BudgetPeriod,
  rules: readonly BudgetRule[],
  now: number,
): Count {
  const name = periodAt(period, now);
  const bounds: Partial<Record<(typeof bounded)[number], number>> = {};
  for (const unit of bounded) {
    const limits = rules.flatMap((rule) => rule[unit] ?? []);
    if (limits.length > 0) bounds[unit] = Math.min(...limits);
  }
  return { key: [scope, subject, period, name].join("\0"), rules, scope, subject, period, name, bounds };
}
