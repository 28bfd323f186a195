import type {
  CheckoutSession,
  Customer,
  Invoice,
  ItemInput,
  MeterEvent,
  PortalSession,
  Price,
  Subscription,
} from "./objects.ts";

export interface KeptBilling {
  readonly count: number;
  readonly prices: readonly Price[];
  readonly customers: readonly Customer[];
  readonly subscriptions: readonly Subscription[];
  readonly invoices: readonly Invoice[];
  readonly checkouts: readonly (CheckoutSession & { readonly items: readonly ItemInput[] })[];
  readonly portals: readonly PortalSession[];
  readonly meterEvents: readonly MeterEvent[];
  readonly meters: readonly (readonly [string, string])[];
  readonly declined: readonly string[];
  readonly prorations: readonly (readonly [string, readonly Proration[]])[];
}

/** A credit or charge for the rest of a period. */
export interface Proration {
  readonly description: string;
  readonly amount: number;
}

/** The answer to a request with an idempotency key. */
export interface KeptAnswer {
  readonly hash: string;
  readonly status: number;
  readonly body: string;
}

/** What an emulator is, for a later process. */
export interface KeptStripe {
  readonly billing: KeptBilling;
  readonly offsetMs: number;
  readonly eventCount: number;
  readonly answers: readonly (readonly [string, KeptAnswer])[];
}
