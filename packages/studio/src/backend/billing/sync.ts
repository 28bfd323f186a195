/** Reads Stripe, and brings seats and usage there. Nothing is believed but what was read. */
import { isErrorCode } from "@holdfast/core";

import type { PaymentAccount } from "../../billing/payments.ts";
import { type Plan, planOfPrices } from "../../billing/plans.ts";
import type { BillingPrice } from "../../contract/billing.ts";
import type { UsageReport } from "../../contract/usage.ts";
import { studioLimits } from "../../limits.ts";
import { requireOrganization } from "../organizations/existing.ts";
import { dayOf } from "../usage/days.ts";
import { changesTo, itemsOf, seatsUsed } from "./items.ts";
import { addReports, sendReports, takeReports, type UsedAmounts } from "./metering.ts";
import type { BillingDatabase } from "./schema.ts";
import { currentOf, isLive, unpaidSinceOf } from "./standing.ts";
import type { BillingPort, BillingState } from "./state.ts";

/** The part of the actor's context that is used here. */
export interface BillingContext {
  readonly state: BillingState;
  readonly db: BillingDatabase;
  readonly key: readonly string[];
  saveState(): Promise<void>;
  client(): Record<"get" | "getOrCreate", (name: string, key: string[]) => CalledActor>;
}

interface CalledActor {
  action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
  send(queue: string, body: unknown): Promise<unknown>;
}

export const organizationOf = ({ key }: { readonly key: readonly string[] }): string => key[0] ?? "";

/** Reads the customer, then brings seats and usage there. Throws `billing.stripe_unavailable`, `.stripe_refused`. */
export async function synchronize(
  c: BillingContext,
  port: BillingPort,
  now: () => number,
  studio: string,
): Promise<readonly string[]> {
  const { customer } = c.state;
  if (customer === null) return [];
  await apply(c, await port.payments.account(customer), now());
  if (await isDeleted(c)) await endForDeleted(c, port);
  else {
    await alignSeats(c, port);
    await meter(c, port, now(), studio);
  }
  return sendReports(c.db, port.payments, now, () => c.saveState());
}

/** Takes over what was read. */
export async function apply(
  c: Pick<BillingContext, "state" | "db">,
  account: PaymentAccount,
  now: number,
): Promise<void> {
  const subscription = currentOf(account);
  c.state.subscription = subscription;
  c.state.unpaidSince = unpaidSinceOf(subscription, account.invoices, c.state.unpaidSince, now);
  c.state.readAt = now;
  await c.db.execute("DELETE FROM invoice");
  for (const invoice of account.invoices)
    await c.db.execute(
      "INSERT INTO invoice (id, created_at, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      ...[invoice.id, invoice.createdAt, JSON.stringify(invoice)],
    );
}

/** The plan of the live subscription. */
export function paidPlan({ subscription }: BillingState, { plans }: BillingPort): Plan | undefined {
  if (subscription === null || !isLive(subscription)) return undefined;
  return planOfPrices(
    plans,
    subscription.items.map(({ price }) => price),
  );
}

async function isDeleted(c: BillingContext): Promise<boolean> {
  try {
    await requireOrganization(c);
    return false;
  } catch (error) {
    if (isErrorCode(error, "organization", "not_found")) return true;
    throw error;
  }
}

/** A deleted organization pays for the period that has begun, and for no other. */
async function endForDeleted(c: BillingContext, port: BillingPort): Promise<void> {
  const { subscription } = c.state;
  if (subscription === null || !isLive(subscription) || subscription.isEnding) return;
  c.state.subscription = await port.payments.setEnding(subscription.id, true);
}

/** Brings the number of further seats to that of the members. */
async function alignSeats(c: BillingContext, port: BillingPort): Promise<void> {
  const { subscription } = c.state;
  const plan = paidPlan(c.state, port);
  if (plan === undefined || subscription === null) return;
  const members = seatsUsed(await port.members(organizationOf(c)));
  // What the operator has added by hand stays.
  const changes = changesTo(subscription, itemsOf(plan, members)).filter((change) => {
    if (!("isDeleted" in change)) return true;
    return subscription.items.some(({ id, price }) => id === change.id && price === plan.seatPrice);
  });
  if (changes.length > 0) c.state.subscription = await port.payments.changeItems(subscription.id, changes);
}

/** Notes what was used and is charged. */
async function meter(c: BillingContext, port: BillingPort, now: number, studio: string): Promise<void> {
  const { subscription, customer } = c.state;
  const usage = paidPlan(c.state, port)?.usage ?? [];
  if (subscription === null || customer === null || usage.length === 0) {
    c.state.metering = null;
    return;
  }
  if (c.state.metering?.subscription !== subscription.id)
    c.state.metering = { subscription: subscription.id, since: dayOf(now), units: {} };
  const { metering } = c.state;
  const amounts = await c
    .client()
    .getOrCreate("usage", [organizationOf(c)])
    .action<UsedAmounts>({ name: "internal.totals", args: [metering.since] });
  const scope = `${studio}/${organizationOf(c)}/${subscription.id}`;
  await addReports(c.db, customer, takeReports(metering, usage, amounts, scope), now);
}

/** The sums of this month, as the page Usage has them. */
export async function usageOfMonth(c: BillingContext, now: number): Promise<UsageReport> {
  const until = dayOf(now);
  return c
    .client()
    .getOrCreate("usage", [organizationOf(c)])
    .action<UsageReport>({
      name: "report",
      args: [{ by: "day", since: `${until.slice(0, 7)}-01`, until, limit: 1 }],
    });
}

/** Reads the prices of the plans that are not known yet: the amount of a price never changes. */
export async function readPrices(state: BillingState, port: BillingPort): Promise<void> {
  const ids = port.plans.flatMap(({ price, seatPrice, usage }) => [
    ...[price, seatPrice].filter((id) => id !== undefined),
    ...usage.map((each) => each.price),
  ]);
  const missing = [...new Set(ids)].filter((id) => state.prices[id] === undefined);
  const read = await Promise.allSettled(
    missing.map(
      async (id): Promise<[string, BillingPrice | undefined]> => [id, await port.payments.price(id)],
    ),
  );
  for (const each of read) {
    if (each.status === "rejected") continue;
    const [id, price] = each.value;
    if (price !== undefined) state.prices[id] = price;
  }
}

/** The pause after so many looks that failed. */
export function pauseAfter(failures: number): number {
  const { billingRetryMs, billingReadMs } = studioLimits;
  return failures === 0 ? billingReadMs : Math.min(billingReadMs, billingRetryMs * 2 ** (failures - 1));
}
