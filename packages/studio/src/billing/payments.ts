/** The port to whoever collects the money. */
import type { BillingPrice, InvoiceView } from "../contract/billing.ts";

export const subscriptionStatuses = [
  ...(["active", "trialing", "past_due", "unpaid", "canceled"] as const),
  ...(["incomplete", "incomplete_expired", "paused"] as const),
] as const;
export type SubscriptionStatus = (typeof subscriptionStatuses)[number];

export interface SubscriptionRecord {
  readonly id: string;
  readonly status: SubscriptionStatus;
  readonly createdAt: number;
  readonly isEnding: boolean;
  readonly periodEndsAt: number;
  readonly items: readonly SubscriptionItem[];
}

export interface SubscriptionItem {
  readonly id: string;
  readonly price: string;
  /** Absent for what is charged by use. */
  readonly quantity?: number;
}

/** What a subscription is to have: a price, and how often. */
export interface WantedItem {
  readonly price: string;
  readonly quantity?: number;
}

/** A change of one item: a new one without an id, none any more if it is deleted. */
export type ItemChange =
  | (WantedItem & { readonly id?: never })
  | { readonly id: string; readonly quantity: number }
  | { readonly id: string; readonly isDeleted: true };

export interface InvoiceRecord extends InvoiceView {
  readonly subscription: string | null;
}

/** What is known about a customer, read at once. */
export interface PaymentAccount {
  /** The newest first, the ended ones too. */
  readonly subscriptions: readonly SubscriptionRecord[];
  /** The newest first. */
  readonly invoices: readonly InvoiceRecord[];
}

/** Something that was used, reported once for each id. */
export interface UsageReportEntry {
  readonly id: string;
  /** Name of the events of a meter. */
  readonly event: string;
  readonly value: number;
  readonly at: number;
}

/** An event by which the other side says that something has changed. What it says is read again. */
export interface PaymentEvent {
  readonly id: string;
  readonly type: string;
  readonly createdAt: number;
  /** Whose organization it is about, and which; undefined for what no Studio has caused. */
  readonly studio: string | undefined;
  readonly organization: string | undefined;
}

/**
 * All throw `billing.stripe_unavailable` if it can be tried again, and `billing.stripe_refused` otherwise, with
 * `arrived: false` in the metadata if the request has certainly changed nothing.
 */
export interface Payments {
  /** Undefined for one that has no single amount. */
  price(id: string): Promise<BillingPrice | undefined>;
  /** Creates the customer of an organization; repeated, the same one. */
  createCustomer(organization: string, email: string | undefined): Promise<string>;
  account(customer: string): Promise<PaymentAccount>;
  startCheckout(input: {
    readonly customer: string;
    readonly organization: string;
    readonly items: readonly WantedItem[];
  }): Promise<{ readonly id: string; readonly url: string }>;
  /** Ends a checkout, so that nobody pays it any more. One that is paid or has ended stays as it is. */
  expireCheckout(id: string): Promise<void>;
  openPortal(customer: string, organization: string): Promise<{ readonly url: string }>;
  changeItems(subscription: string, changes: readonly ItemChange[]): Promise<SubscriptionRecord>;
  /** Ends a subscription with its period, or lets it go on. */
  setEnding(subscription: string, isEnding: boolean): Promise<SubscriptionRecord>;
  reportUsage(customer: string, entry: UsageReportEntry): Promise<void>;
  /** Checks the signature of a webhook and its age. Throws `billing.webhook_refused`. */
  readEvent(body: Buffer, signature: string | undefined): PaymentEvent;
}
