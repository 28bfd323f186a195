/** What people see of billing. */
import { isFree, type Plan, type PlanList } from "../../billing/plans.ts";
import type {
  BillingNotice,
  BillingOverview,
  BillingPrice,
  LimitUse,
  PlanLimitName,
  PlanView,
} from "../../contract/billing.ts";
import { type UsedAmounts, unitsOf } from "./metering.ts";
import { type Standing, standingOf } from "./standing.ts";
import type { BillingState } from "./state.ts";

/** Part of a limit at which people are warned. */
const warnAt = 0.8;

export interface CurrentUse extends UsedAmounts {
  readonly seats: number;
  readonly activeTasks: number;
}

export function planView(
  plan: Plan,
  prices: Readonly<Record<string, BillingPrice>>,
  isCurrent: boolean,
): PlanView {
  const { name, title, description, price, seatPrice, seats, limits, usage } = plan;
  const priced = (field: "price" | "seatPrice", id: string | undefined) => {
    if (id === undefined) return { [field]: null };
    return prices[id] === undefined ? {} : { [field]: prices[id] };
  };
  return {
    ...{ name, title, description, isFree: isFree(plan), isCurrent },
    ...{ ...priced("price", price), ...priced("seatPrice", seatPrice), seats, limits },
    usage: usage.map((each) => {
      const found = prices[each.price];
      return { measure: each.measure, ...(found === undefined ? {} : { price: found }) };
    }),
  };
}

/** A subscription whose prices the operator's plans do not name: it bounds nothing. */
const unknownPlan: PlanView = {
  ...{ name: "other", title: "Another plan", description: "", isFree: false, isCurrent: true },
  ...{ seats: 0, limits: {}, usage: [] },
};

/** The limits of a plan, and how much of each is used. */
export function limitsOf(plan: Plan | undefined, use: CurrentUse): readonly LimitUse[] {
  if (plan === undefined) return [];
  const { limits, seats, seatPrice } = plan;
  const found: (readonly [PlanLimitName, number, number | undefined])[] = [
    ["seats", use.seats, seatPrice === undefined ? seats : undefined],
    ["tasksAtOnce", use.activeTasks, limits.tasksAtOnce],
    ["sandboxMinutes", unitsOf("sandboxMinutes", use), limits.sandboxMinutes],
    ["modelCents", unitsOf("modelCents", use), limits.modelCents],
  ];
  return found.flatMap(([limit, used, max]) =>
    max === undefined ? [] : [{ limit, used, max, state: stateOf(limit, used, max) }],
  );
}

function stateOf(limit: PlanLimitName, used: number, max: number): LimitUse["state"] {
  switch (limit) {
    // All included seats may be taken, and all tasks may run.
    case "seats":
      return used > max ? "reached" : "ok";
    case "tasksAtOnce":
      return used >= max ? "reached" : "ok";
    case "sandboxMinutes":
    case "modelCents":
      return used >= max ? "reached" : used >= max * warnAt ? "warning" : "ok";
  }
}

/** A limit in words: "Minutes of sandboxes: 480 of 600 used this month". */
export function limitText({ limit, used, max }: LimitUse): string {
  switch (limit) {
    case "seats":
      return `${used} members, and the plan has ${max} ${max === 1 ? "seat" : "seats"}`;
    case "tasksAtOnce":
      return `${used} of ${max} tasks run`;
    case "sandboxMinutes":
      return `${used} of ${max} minutes of sandboxes are used this month`;
    case "modelCents":
      return `$${(used / 100).toFixed(2)} of $${(max / 100).toFixed(2)} for models are used this month`;
  }
}

/** A day in UTC. */
export const dayText = (at: number) => new Date(at).toISOString().slice(0, 10);

function noticesOf(
  { plan, standing, graceEndsAt }: Standing,
  limits: readonly LimitUse[],
  { subscription, failures, readAt }: BillingState,
  now: number,
): readonly BillingNotice[] {
  const notices: BillingNotice[] = [];
  const add = (kind: BillingNotice["kind"], severity: BillingNotice["severity"], text: string) =>
    notices.push({ kind, severity, text });
  if (standing === "past-due" && graceEndsAt !== null)
    add(
      ...(["past-due", "error"] as const),
      `A payment failed. The plan goes on until ${dayText(graceEndsAt)} (UTC). Check the means of payment before then.`,
    );
  if (standing === "lapsed")
    add(
      ...(["lapsed", "error"] as const),
      "The subscription is not paid, so the limits of the free plan apply. Everything is still here, and can be exported. Pay to go on.",
    );
  if (standing === "incomplete")
    add(
      ...(["incomplete", "warning"] as const),
      "The first payment is not complete. Finish it, or choose a plan again.",
    );
  if (standing === "ending" && subscription !== null)
    add(
      ...(["ending", "info"] as const),
      `The subscription ends on ${dayText(subscription.periodEndsAt)} (UTC). Then the free plan applies, and nothing is deleted.`,
    );
  if (plan === undefined)
    add(
      ...(["unknown-price", "warning"] as const),
      "The subscription has prices that no plan of this server names. No limit applies; tell the operator.",
    );
  for (const each of limits) {
    if (each.state === "ok" || each.limit === "tasksAtOnce") continue;
    const stops = each.state === "reached" && plan?.atLimit === "stop";
    const next = stops ? " No new task starts. What runs goes on." : "";
    add("limit", stops ? "error" : "warning", `${limitText(each)}.${next}`);
  }
  if (failures > 0) {
    const last = readAt === null ? "It was not read yet." : `This is how it was ${agoText(now - readAt)}.`;
    add("unreachable", "warning", `Stripe could not be read. ${last} It is tried again by itself.`);
  }
  return notices;
}

function agoText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "a moment ago";
  if (minutes < 120) return `${minutes} ${minutes === 1 ? "minute" : "minutes"} ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} hours ago` : `${Math.floor(hours / 24)} days ago`;
}

export function overviewOf(
  state: BillingState,
  list: PlanList,
  use: CurrentUse,
  { since, until, now }: { readonly since: string; readonly until: string; readonly now: number },
): BillingOverview {
  const { subscription, unpaidSince, customer, readAt, prices } = state;
  const found = standingOf(subscription, unpaidSince, list, now);
  const { plan, standing, graceEndsAt } = found;
  const limits = limitsOf(plan, use);
  const seatItem = subscription?.items.find(({ price }) => price === plan?.seatPrice);
  return {
    plan: plan === undefined ? unknownPlan : planView(plan, prices, true),
    ...{ standing, graceEndsAt, limits },
    periodEndsAt: standing === "free" ? null : (subscription?.periodEndsAt ?? null),
    seats: {
      ...{ used: use.seats, included: plan?.seats ?? 0 },
      paid: plan?.seatPrice === undefined ? null : (seatItem?.quantity ?? 0),
    },
    month: { since, until, sandboxMs: use.sandboxMs, costMicros: use.costMicros },
    notices: noticesOf(found, limits, state, now),
    isCustomer: customer !== null,
    readAt,
  };
}
