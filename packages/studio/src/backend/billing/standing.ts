/** How an organization stands: which plan is in force, and since when it is not paid. */
import type { InvoiceRecord, PaymentAccount, SubscriptionRecord } from "../../billing/payments.ts";
import { type Plan, type PlanList, planOfPrices } from "../../billing/plans.ts";
import type { BillingStanding } from "../../contract/billing.ts";

export interface Standing {
  /** The plan in force; undefined for a subscription with prices that the plans do not name, which bounds nothing. */
  readonly plan: Plan | undefined;
  readonly standing: BillingStanding;
  readonly graceEndsAt: number | null;
}

/** True for a subscription that may still be paid, and is changed instead of bought again. */
export function isLive({ status }: SubscriptionRecord): boolean {
  switch (status) {
    case "active":
    case "trialing":
    case "past_due":
    case "unpaid":
    case "paused":
      return true;
    case "incomplete":
    case "incomplete_expired":
    case "canceled":
      return false;
  }
}

/** The subscription that counts: the newest that is live, or else the newest that waits for its first payment. */
export function currentOf({ subscriptions }: PaymentAccount): SubscriptionRecord | null {
  const found = subscriptions.find(isLive) ?? subscriptions.find(({ status }) => status === "incomplete");
  return found ?? null;
}

/** When the first invoice of the subscription was made that is not paid; null if all are. */
export function unpaidSinceOf(
  subscription: SubscriptionRecord | null,
  invoices: readonly InvoiceRecord[],
  known: number | null,
  now: number,
): number | null {
  if (subscription?.status !== "past_due" && subscription?.status !== "unpaid") return null;
  const open = invoices.filter(
    ({ status, subscription: of }) =>
      of === subscription.id && (status === "open" || status === "uncollectible"),
  );
  return open.length === 0 ? (known ?? now) : Math.min(...open.map(({ createdAt }) => createdAt));
}

export function standingOf(
  subscription: SubscriptionRecord | null,
  unpaidSince: number | null,
  { plans, graceMs }: PlanList,
  now: number,
): Standing {
  const [free] = plans;
  const none = { plan: free, graceEndsAt: null } as const;
  if (subscription === null) return { ...none, standing: "free" };
  const plan = planOfPrices(
    plans,
    subscription.items.map(({ price }) => price),
  );
  switch (subscription.status) {
    case "active":
    case "trialing":
      return { plan, graceEndsAt: null, standing: subscription.isEnding ? "ending" : "active" };
    case "past_due":
    case "unpaid": {
      const graceEndsAt = (unpaidSince ?? now) + graceMs;
      return now < graceEndsAt
        ? { plan, graceEndsAt, standing: "past-due" }
        : { plan: free, graceEndsAt, standing: "lapsed" };
    }
    case "paused":
      return { ...none, standing: "lapsed" };
    case "incomplete":
      return { ...none, standing: "incomplete" };
    case "incomplete_expired":
    case "canceled":
      return { ...none, standing: "free" };
  }
}
