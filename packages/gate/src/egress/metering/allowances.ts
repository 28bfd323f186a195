import { HoldfastError } from "@holdfast/core";
import { type BudgetPeriod, type BudgetScope, periodAt, type Spent } from "./budget.ts";

/** Whose usage is counted in one place. */
export interface BudgetSubject {
  readonly scope: BudgetScope;
  readonly id: string;
}

type Unit = keyof Spent;
const units: readonly Unit[] = ["tokens", "costMicros"];

/** Bounds of a budget; an absent unit is unlimited. */
export type BudgetBounds = Readonly<Partial<Record<Unit, number>>>;

/** A request of a node about one budget. All amounts are totals of the period. */
export interface AllowanceRequest {
  /** Asks to be allowed `wanted`; gives back what exceeds `used`; or only reports `used`. */
  readonly kind: "raise" | "return" | "report";
  /** The ledger of the node. A node that lost its ledger is another holder. */
  readonly holder: string;
  readonly period: BudgetPeriod;
  /** The day or month; see `periodAt`. */
  readonly name: string;
  /** Clock of the node. */
  readonly at: number;
  readonly bounds: BudgetBounds;
  /** What the holder has used, calls that are running included. */
  readonly used: Spent;
  /** For "raise": what it wants to be allowed. */
  readonly wanted: Spent;
}

/** What the count of a budget says to one of its holders. */
export interface AllowanceAnswer {
  /** What the holder may use in the period, in total. */
  readonly allowed: Spent;
  /** The bound that does not admit what was wanted. */
  readonly over?: Unit;
  /** Of all holders. */
  readonly used: Spent;
  /** What all holders may use, and have not. */
  readonly held: Spent;
}

/**
 * Port: the one count of each budget. The allowances of all holders together never exceed its bounds. An allowance that
 * is not returned counts as used for the whole period: nobody knows whether it was.
 */
export interface Allowances {
  hold(subject: BudgetSubject, request: AllowanceRequest): Promise<AllowanceAnswer>;
}

export const allowanceLimits = {
  /** Part of a bound that a node is allowed beyond what it wants. */
  share: 0.05,
  /** Part of what is left that a node is allowed beyond what it wants, so that the others get some of the last. */
  shareOfRest: 0.25,
  /** After this time without use, a node returns what it has left. */
  idleMs: 10_000,
  settleMs: 1_000,
  /** Two clocks that differ by more must agree on the day. */
  maxClockDifferenceMs: 60_000,
  /** Periods kept for display, after they have ended. */
  keptPeriods: 64,
} as const;

interface Holding {
  readonly allowed: Spent;
  readonly used: Spent;
}

/** The allowances of one subject: by period, by holder. */
export interface AllowanceState {
  readonly periods: Record<string, Record<string, Holding>>;
}

function larger(a: Spent, b: Spent): Spent {
  return { tokens: Math.max(a.tokens, b.tokens), costMicros: Math.max(a.costMicros, b.costMicros) };
}

function sum(amounts: readonly Spent[]): Spent {
  return {
    tokens: amounts.reduce((total, { tokens }) => total + tokens, 0),
    costMicros: amounts.reduce((total, { costMicros }) => total + costMicros, 0),
  };
}

const difference = (a: Spent, b: Spent): Spent => ({
  tokens: Math.max(0, a.tokens - b.tokens),
  costMicros: Math.max(0, a.costMicros - b.costMicros),
});

/** Applies a request to the allowances of its subject. Throws `egress.clock_differs`. */
export function holdAllowance(
  state: AllowanceState,
  now: number,
  { kind, holder, period, name, at, bounds, used, wanted }: AllowanceRequest,
): AllowanceAnswer {
  const key = `${period} ${name}`;
  if (kind === "raise") checkClock(period, name, at, now);
  const holdings = copyOf(Object.hasOwn(state.periods, key) ? state.periods[key] : undefined);
  const before = holdings.get(holder);
  // What was used without an allowance, before the budget was set, counts too.
  const had = larger(before?.allowed ?? used, used);
  const others = sum(
    [...holdings].filter(([id]) => id !== holder).map(([, each]) => larger(each.allowed, each.used)),
  );
  const left = (unit: Unit) => (bounds[unit] ?? Number.POSITIVE_INFINITY) - others[unit];
  const over = kind === "raise" ? units.find((unit) => wanted[unit] > left(unit)) : undefined;
  const allow = (unit: Unit): number => {
    if (kind === "return") return used[unit];
    if (kind === "report" || over !== undefined) return had[unit];
    const bound = bounds[unit];
    if (bound === undefined) return wanted[unit];
    const rest = left(unit) - wanted[unit];
    const share = Math.floor(Math.min(bound * allowanceLimits.share, rest * allowanceLimits.shareOfRest));
    return Math.max(had[unit] <= left(unit) ? had[unit] : 0, wanted[unit] + share);
  };
  const allowed = { tokens: allow("tokens"), costMicros: allow("costMicros") };
  holdings.set(holder, { allowed, used });
  // Assigned as a whole: the state may record assignments.
  state.periods[key] = Object.fromEntries(holdings);
  forgetOldest(state);
  const all = [...holdings.values()];
  const total = sum(all.map((each) => each.used));
  const held = difference(sum(all.map((each) => larger(each.allowed, each.used))), total);
  return { allowed, ...(over === undefined ? {} : { over }), used: total, held };
}

function copyOf(holdings: Readonly<Record<string, Holding>> = {}): Map<string, Holding> {
  return new Map(
    Object.entries(holdings).map(([id, { allowed, used }]) => [
      id,
      { allowed: { ...allowed }, used: { ...used } },
    ]),
  );
}

/** A node whose clock shows another day would spend the budget of that day. */
function checkClock(period: BudgetPeriod, name: string, at: number, now: number): void {
  if (periodAt(period, now) === name || Math.abs(at - now) <= allowanceLimits.maxClockDifferenceMs) return;
  throw new HoldfastError(
    "egress",
    "clock_differs",
    `The clock of this node shows ${new Date(at).toISOString()}, and that of the node that counts the budget ` +
      `${new Date(now).toISOString()}. A budget by ${period} needs the same day on all nodes: synchronize their clocks`,
    { statusCode: 503 },
  );
}

function forgetOldest({ periods }: AllowanceState): void {
  const ended = Object.keys(periods)
    .filter((key) => !key.startsWith("always"))
    .sort((a, b) => a.slice(a.indexOf(" ")).localeCompare(b.slice(b.indexOf(" "))));
  for (const key of ended.slice(0, -allowanceLimits.keptPeriods)) delete periods[key];
}
