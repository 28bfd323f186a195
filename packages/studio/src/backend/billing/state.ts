import type { Payments, SubscriptionRecord } from "../../billing/payments.ts";
import type { PlanList } from "../../billing/plans.ts";
import type { BillingMeasure, BillingPrice } from "../../contract/billing.ts";

/** What the process provides for billing. */
export interface BillingPort extends PlanList {
  readonly payments: Payments;
  /** Tells this Studio from others with the same account. */
  readonly studio: () => Promise<string>;
  /** Number of the members of an organization; undefined where people have no accounts. */
  members(organization: string): Promise<number | undefined>;
  emailOf(person: string, organization: string): Promise<string | undefined>;
  /** Ids of those who hear of its payments. */
  owners(organization: string): Promise<readonly string[]>;
}

/** What is charged by use: from `since` on, beyond `base`, and how many units of it were reported. */
export interface Metering {
  readonly subscription: string;
  /** A day. */
  readonly since: string;
  units: Partial<Record<BillingMeasure, { base: number; reported: number }>>;
}

export interface BillingState {
  version: 1;
  /** Number of changes. */
  revision: number;
  customer: string | null;
  /** The checkout that can be paid. */
  checkout: string | null;
  subscription: SubscriptionRecord | null;
  /** When the first payment failed that is still unpaid. */
  unpaidSince: number | null;
  /** What owners were last told: the number of that message, and `unpaidSince` then. Absent before the first. */
  told?: { seq: number; unpaidSince: number | null };
  metering: Metering | null;
  prices: Record<string, BillingPrice>;
  readAt: number | null;
  /** Looks that failed since one that did not. */
  failures: number;
  scheduled: { id: string; at: number } | null;
  /** True for a deleted organization, whose subscription is not ended yet. */
  isClosing: boolean;
}

export function newState(): BillingState {
  return {
    ...{ version: 1, revision: 0, customer: null, checkout: null, subscription: null, unpaidSince: null },
    ...{ metering: null, prices: {}, readAt: null, failures: 0, scheduled: null },
    isClosing: false,
  };
}
