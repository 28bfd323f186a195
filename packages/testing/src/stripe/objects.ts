/** Objects of the emulator, in the shapes of Stripe's API. Times are seconds since the epoch. */

export type Metadata = Record<string, string>;

export interface Price {
  readonly id: string;
  readonly object: "price";
  readonly active: boolean;
  readonly currency: string;
  /** In the smallest unit of the currency, for one piece or one unit of a meter. */
  readonly unit_amount: number;
  readonly recurring: {
    readonly interval: "month" | "year";
    readonly interval_count: 1;
    readonly usage_type: "licensed" | "metered";
    readonly meter: string | null;
  };
}

export interface Customer {
  readonly id: string;
  readonly object: "customer";
  readonly created: number;
  name: string | null;
  email: string | null;
  metadata: Metadata;
}

export interface SubscriptionItem {
  readonly id: string;
  readonly object: "subscription_item";
  price: Price;
  /** Absent for a metered price. */
  quantity?: number;
  current_period_start: number;
  current_period_end: number;
}

export type SubscriptionStatus = "active" | "past_due" | "unpaid" | "canceled";

export interface Subscription {
  readonly id: string;
  readonly object: "subscription";
  readonly created: number;
  readonly customer: string;
  status: SubscriptionStatus;
  cancel_at_period_end: boolean;
  cancel_at: number | null;
  canceled_at: number | null;
  ended_at: number | null;
  metadata: Metadata;
  latest_invoice: string | null;
  items: { readonly object: "list"; readonly has_more: false; data: SubscriptionItem[] };
}

export interface Invoice {
  readonly id: string;
  readonly object: "invoice";
  readonly number: string;
  readonly created: number;
  readonly customer: string;
  readonly currency: string;
  readonly total: number;
  readonly amount_due: number;
  amount_paid: number;
  status: "open" | "paid" | "uncollectible" | "void";
  attempt_count: number;
  readonly hosted_invoice_url: string;
  readonly invoice_pdf: string;
  readonly lines: {
    readonly object: "list";
    readonly data: readonly { readonly description: string; readonly amount: number }[];
  };
  readonly parent: {
    readonly type: "subscription_details";
    readonly quote_details: null;
    readonly subscription_details: { readonly subscription: string; readonly metadata: Metadata };
  };
}

/** An item of a subscription, as a request names it. */
export interface ItemInput {
  /** That of an item that is there. */
  readonly id?: string;
  readonly price?: string;
  readonly quantity?: string;
  readonly deleted?: string;
}

export interface CheckoutSession {
  readonly id: string;
  readonly object: "checkout.session";
  readonly created: number;
  readonly mode: "subscription";
  readonly customer: string;
  readonly client_reference_id: string | null;
  readonly metadata: Metadata;
  readonly success_url: string;
  readonly cancel_url: string;
  url: string | null;
  status: "open" | "complete" | "expired";
  subscription: string | null;
}

export interface PortalSession {
  readonly id: string;
  readonly object: "billing_portal.session";
  readonly created: number;
  readonly customer: string;
  readonly return_url: string;
  readonly url: string;
}

export interface MeterEvent {
  readonly object: "billing.meter_event";
  readonly created: number;
  readonly event_name: string;
  readonly identifier: string;
  readonly livemode: false;
  readonly payload: Readonly<Record<string, string>>;
  readonly timestamp: number;
}

/** What Stripe answers with instead. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  constructor(status: number, message: string, more: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.body = { error: { type: "invalid_request_error", message, ...more } };
  }
}

export function missing(what: string, id: string): Refusal {
  return new Refusal(404, `No such ${what}: '${id}'`, { code: "resource_missing", param: "id" });
}
