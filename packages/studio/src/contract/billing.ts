/** Types of the contract about billing: plans, seats, limits, invoices. Nobody meets them where the operator sells nothing. */

/** What a plan can bound, and what it can charge by use. */
export const billingMeasures = ["sandboxMinutes", "modelCents"] as const;
export type BillingMeasure = (typeof billingMeasures)[number];

export const planLimitNames = ["seats", "tasksAtOnce", ...billingMeasures] as const;
export type PlanLimitName = (typeof planLimitNames)[number];

export interface BillingPrice {
  /** In the smallest unit of the currency, "usd". It may have a fraction. */
  readonly amount: number;
  readonly currency: string;
  readonly interval: "day" | "week" | "month" | "year";
}

export interface PlanView {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** True for the plan of everybody who pays nothing. */
  readonly isFree: boolean;
  /** True for the plan that the organization has. */
  readonly isCurrent: boolean;
  /** Null if there is none, and undefined while Stripe has not told it. */
  readonly price?: BillingPrice | null;
  /** Price of each seat above those that are included; null if there are no more. */
  readonly seatPrice?: BillingPrice | null;
  readonly seats: number;
  readonly limits: Readonly<Partial<Record<Exclude<PlanLimitName, "seats">, number>>>;
  /** What is charged by use: for each minute of sandboxes, and for each cent of models. */
  readonly usage: readonly { readonly measure: BillingMeasure; readonly price?: BillingPrice }[];
}

export interface LimitUse {
  readonly limit: PlanLimitName;
  readonly used: number;
  readonly max: number;
  readonly state: "ok" | "warning" | "reached";
}

/**
 * How it stands: "free", or with a subscription that is paid, whose payment failed, that is not paid for long, that was
 * begun and not paid, or that ends with its period.
 */
export type BillingStanding = "free" | "active" | "past-due" | "lapsed" | "incomplete" | "ending";

/** What owners and admins should know. */
export interface BillingNotice {
  readonly kind: "past-due" | "lapsed" | "incomplete" | "ending" | "limit" | "unreachable" | "unknown-price";
  readonly severity: "info" | "warning" | "error";
  readonly text: string;
}

export interface BillingOverview {
  readonly plan: PlanView;
  readonly standing: BillingStanding;
  /** End of the paid period; null without a subscription. */
  readonly periodEndsAt: number | null;
  /** When an unpaid subscription stops to count; null unless its payment failed. */
  readonly graceEndsAt: number | null;
  readonly seats: {
    /** Members of the organization. */
    readonly used: number;
    readonly included: number;
    /** Seats that are charged above those; null while they are not known. */
    readonly paid: number | null;
  };
  /** Of this month, in UTC: the sums of the page Usage. */
  readonly month: {
    readonly since: string;
    readonly until: string;
    readonly sandboxMs: number;
    readonly costMicros: number;
  };
  readonly limits: readonly LimitUse[];
  readonly notices: readonly BillingNotice[];
  /** False before the first checkout: there is no payment to manage, and no invoice. */
  readonly isCustomer: boolean;
  /** When Stripe was last read; null before the first time. */
  readonly readAt: number | null;
}

export interface InvoiceView {
  readonly id: string;
  /** Null for a draft. */
  readonly number: string | null;
  readonly status: "draft" | "open" | "paid" | "uncollectible" | "void";
  readonly createdAt: number;
  /** In the smallest unit of the currency. */
  readonly total: number;
  readonly currency: string;
  /** Pages of Stripe. */
  readonly url: string | null;
  readonly pdfUrl: string | null;
}

/** Actions of `billing`. Errors: group "billing". All throw `billing.not_enabled` where the operator sells nothing. */
export interface BillingActions {
  overview(): Promise<BillingOverview>;
  /** The plans of this server, the free one first. */
  plans(): Promise<readonly PlanView[]>;
  /** The newest 100, the newest first. */
  invoices(): Promise<readonly InvoiceView[]>;
  /**
   * Changes the plan. Without a subscription it answers the address of a page of Stripe where it is paid; with one it
   * changes that, or for the free plan ends it with its period, and answers null. Throws `billing.unknown_plan`,
   * `.stripe_unavailable`, `.stripe_refused`.
   */
  choosePlan(plan: string): Promise<{ readonly url: string | null }>;
  /** The address of Stripe's page about the payment. Throws `billing.no_payment` before the first checkout, and as above. */
  managePayment(): Promise<{ readonly url: string }>;
  /** Reads Stripe now. Throws `.stripe_unavailable`, `.stripe_refused`. */
  refresh(): Promise<BillingOverview>;
}

/** Events of `billing`. */
export interface BillingEvents {
  changed: { readonly revision: number };
}
