/** Tells owners in their inbox when a payment failed, and when it succeeded later. */
import { personalKey } from "../../access/organization-ids.ts";
import type { PlanList } from "../../billing/plans.ts";
import type { PaymentOutcome } from "../../contract/inbox.ts";
import { standingOf } from "./standing.ts";
import type { BillingPort, BillingState } from "./state.ts";
import { type BillingContext, organizationOf } from "./sync.ts";
import { dayText } from "./view.ts";

/** A message of billing. `seq` counts the messages, so that one which arrives twice counts once. */
export interface PaymentNews {
  readonly version: 1;
  readonly seq: number;
  readonly at: number;
  readonly outcome: PaymentOutcome;
  readonly text: string;
}

/** A further invoice that fails while one is unpaid is no news. */
function hasNews({ unpaidSince, told }: BillingState): boolean {
  return ((told?.unpaidSince ?? null) === null) !== (unpaidSince === null);
}

/** What is new since the last call; undefined if nothing is. The caller sends it in the same turn. */
export function takePaymentNews(state: BillingState, plans: PlanList, now: number): PaymentNews | undefined {
  if (!hasNews(state)) return undefined;
  const { subscription, unpaidSince, told } = state;
  const { standing, graceEndsAt } = standingOf(subscription, unpaidSince, plans, now);
  const seq = (told?.seq ?? 0) + 1;
  state.told = { seq, unpaidSince };
  const news = { version: 1, seq, at: now } as const;
  if (unpaidSince !== null) {
    const text =
      standing === "past-due" && graceEndsAt !== null
        ? `The plan goes on until ${dayText(graceEndsAt)} (UTC). Check the means of payment before then.`
        : "The limits of the free plan apply until it is paid.";
    return { ...news, outcome: "failed", text };
  }
  if (standing === "active" || standing === "ending")
    return { ...news, outcome: "paid", text: "There is nothing left to do." };
  return {
    ...news,
    outcome: "ended",
    text: "It was not paid. The free plan applies, and nothing is deleted.",
  };
}

/** Sends what is new to the inbox of each owner. Durable with the turn. */
export async function tellOwners(
  c: Pick<BillingContext, "state" | "key" | "client">,
  port: BillingPort,
  now: number,
  failed: (error: unknown) => void,
): Promise<void> {
  // A deleted organization has no owners.
  if (c.state.isClosing || !hasNews(c.state)) return;
  const organization = organizationOf(c);
  const owners = await port.owners(organization);
  const news = takePaymentNews(c.state, port, now);
  if (news === undefined) return;
  for (const owner of owners)
    c.client().getOrCreate("inbox", personalKey(organization, owner)).send("payments", news).catch(failed);
}
