import { HoldfastError, type Ports } from "@holdfast/core";
import type Stripe from "stripe";
import { studioLimits } from "../limits.ts";
import type {
  InvoiceRecord,
  ItemChange,
  PaymentAccount,
  PaymentEvent,
  Payments,
  SubscriptionRecord,
  UsageReportEntry,
  WantedItem,
} from "./payments.ts";

export interface StripeSettings {
  /** The secret or restricted key of the account. */
  readonly key: string;
  /** The signing secret of its webhook. */
  readonly webhookSecret: string;
  /** Where its API is, if not at Stripe: an emulator's URL. */
  readonly url?: string;
}

export interface StripePaymentsOptions extends StripeSettings {
  readonly ports: Pick<Ports, "clock" | "log">;
  /** Tells this Studio from others with the same account. */
  readonly studio: () => Promise<string>;
  /** The page of an organization to which people come back. */
  readonly returnUrl: (organization: string) => string;
}

/** Names under which objects of Stripe say whose they are. */
const studioKey = "holdfast_studio";
const organizationKey = "holdfast_organization";

/**
 * Payments by Stripe, whose SDK is an optional package. Throws `billing.package_missing`, `billing.invalid_settings`.
 */
export async function createStripePayments(options: StripePaymentsOptions): Promise<Payments> {
  const { key, webhookSecret, url } = options;
  if (!/^(sk|rk)_\S+$/.test(key)) throw invalid("The key of Stripe begins with sk_ or rk_");
  if (!/^whsec_\S+$/.test(webhookSecret)) throw invalid("The secret of Stripe's webhook begins with whsec_");
  const { default: Sdk } = await import("stripe").catch((error: unknown) => {
    const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    if (!isMissing) throw error;
    const message =
      "Billing needs the package stripe, which is not installed here. Install it: npm install stripe@23";
    throw new HoldfastError("billing", "package_missing", message, { statusCode: 400 });
  });
  const client = new Sdk(key, {
    ...{ maxNetworkRetries: 2, timeout: studioLimits.stripeTimeoutMs, telemetry: false },
    ...(url === undefined ? {} : addressOf(url)),
  });
  return new StripePayments(client, options);
}

function addressOf(url: string): Pick<Stripe.StripeConfig, "host" | "port" | "protocol"> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isWeb = parsed?.protocol === "http:" || parsed?.protocol === "https:";
  if (parsed === undefined || !isWeb || parsed.pathname !== "/")
    throw invalid("The URL of Stripe's API must be http:// or https:// with a host, without a path");
  const protocol = parsed.protocol === "http:" ? "http" : "https";
  return { protocol, host: parsed.hostname, port: parsed.port || (protocol === "http" ? 80 : 443) };
}

class StripePayments implements Payments {
  readonly #stripe: Stripe;
  readonly #options: StripePaymentsOptions;

  constructor(stripe: Stripe, options: StripePaymentsOptions) {
    this.#stripe = stripe;
    this.#options = options;
  }

  async price(id: string) {
    const { unit_amount, unit_amount_decimal, currency, recurring } = await this.#ask(
      this.#stripe.prices.retrieve(id),
    );
    if (recurring === null) {
      const message = `The price ${id} is charged once. A plan needs one that recurs.`;
      throw new HoldfastError("billing", "stripe_refused", message, { statusCode: 502 });
    }
    const amount = unit_amount ?? (unit_amount_decimal == null ? undefined : Number(unit_amount_decimal));
    const { interval } = recurring;
    if (amount === undefined || !isInterval(interval)) return undefined;
    return { amount, currency, interval };
  }

  async createCustomer(organization: string, email: string | undefined): Promise<string> {
    const metadata = await this.#metadata(organization);
    const idempotencyKey = `holdfast/customer/${metadata[studioKey]}/${organization}`;
    const { id } = await this.#ask(
      this.#stripe.customers.create(
        { metadata, ...(email === undefined ? {} : { email }) },
        { idempotencyKey },
      ),
    );
    return id;
  }

  async account(customer: string): Promise<PaymentAccount> {
    const [subscriptions, invoices] = await Promise.all([
      this.#ask(this.#stripe.subscriptions.list({ customer, status: "all", limit: 20 })),
      this.#ask(this.#stripe.invoices.list({ customer, limit: studioLimits.maxInvoices })),
    ]);
    return {
      subscriptions: subscriptions.data
        .map(subscriptionOf)
        .toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)),
      invoices: invoices.data.map(invoiceOf),
    };
  }

  async startCheckout({
    customer,
    organization,
    items,
  }: {
    readonly customer: string;
    readonly organization: string;
    readonly items: readonly WantedItem[];
  }) {
    const metadata = await this.#metadata(organization);
    const back = this.#options.returnUrl(organization);
    const { id, url } = await this.#ask(
      this.#stripe.checkout.sessions.create({
        ...{ mode: "subscription", customer, client_reference_id: organization, metadata },
        line_items: items.map(({ price, quantity }) =>
          quantity === undefined ? { price } : { price, quantity },
        ),
        subscription_data: { metadata },
        success_url: `${back}?from=checkout`,
        cancel_url: back,
      }),
    );
    if (url !== null) return { id, url };
    throw new HoldfastError("billing", "stripe_refused", "Stripe gave no page for the payment", {
      statusCode: 502,
    });
  }

  async expireCheckout(id: string): Promise<void> {
    try {
      await this.#stripe.checkout.sessions.expire(id);
    } catch (error) {
      if (!isInvalidRequest(error)) throw this.#failure(error);
    }
  }

  openPortal(customer: string, organization: string): Promise<{ readonly url: string }> {
    const return_url = `${this.#options.returnUrl(organization)}?from=portal`;
    return this.#ask(this.#stripe.billingPortal.sessions.create({ customer, return_url }));
  }

  async changeItems(subscription: string, changes: readonly ItemChange[]): Promise<SubscriptionRecord> {
    const items = changes.map((change) => {
      if (change.id === undefined) return change;
      return "isDeleted" in change ? { id: change.id, deleted: true } : change;
    });
    return subscriptionOf(
      await this.#ask(
        this.#stripe.subscriptions.update(subscription, { items, proration_behavior: "create_prorations" }),
      ),
    );
  }

  async setEnding(subscription: string, isEnding: boolean): Promise<SubscriptionRecord> {
    return subscriptionOf(
      await this.#ask(this.#stripe.subscriptions.update(subscription, { cancel_at_period_end: isEnding })),
    );
  }

  async reportUsage(customer: string, { id, event, value, at }: UsageReportEntry): Promise<void> {
    try {
      await this.#stripe.billing.meterEvents.create(
        {
          event_name: event,
          payload: { stripe_customer_id: customer, value: String(value) },
          identifier: id,
          timestamp: Math.floor(at / 1000),
        },
        // Whether it has arrived must be told for each attempt.
        { idempotencyKey: `holdfast/usage/${id}`, maxNetworkRetries: 0 },
      );
    } catch (error) {
      // An earlier attempt has arrived, and its answer has not.
      if (isInvalidRequest(error) && /already exists with identifier/i.test(error.message)) return;
      throw this.#failure(error);
    }
  }

  readEvent(body: Buffer, signature: string | undefined): PaymentEvent {
    const now = this.#options.ports.clock.now();
    const toleranceMs = studioLimits.webhookToleranceMs;
    let event: Stripe.Event;
    try {
      event = this.#stripe.webhooks.constructEvent(
        ...([body, signature ?? "", this.#options.webhookSecret, toleranceMs / 1000] as const),
        undefined,
        now,
      );
    } catch (cause) {
      throw refused("its signature is missing, wrong or too old", cause);
    }
    const signedAt = Number(/(?:^|,)t=(\d+)/.exec(signature ?? "")?.[1]) * 1000;
    if (signedAt > now + toleranceMs) throw refused("it was signed in the future");
    const { id, type, created } = event;
    if (typeof id !== "string" || id.length > 255 || typeof type !== "string" || typeof created !== "number")
      throw refused("it is not an event");
    const metadata = metadataOf(event.data?.object);
    const [studio, organization] = [metadata[studioKey], metadata[organizationKey]];
    return {
      ...{ id, type, createdAt: created * 1000 },
      organization: typeof organization === "string" ? organization : undefined,
      studio: typeof studio === "string" ? studio : undefined,
    };
  }

  async #ask<Answer>(request: Promise<Answer>): Promise<Answer> {
    try {
      return await request;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Its words are about the operator's account: they stay in the log. */
  #failure(error: unknown): unknown {
    if (!(error instanceof Error) || !("type" in error) || typeof error.type !== "string") return error;
    const status = "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 0;
    const isPassing =
      ["StripeConnectionError", "StripeAPIError", "StripeRateLimitError"].includes(error.type) ||
      [409, 429].includes(status) ||
      status >= 500;
    const { log } = this.#options.ports;
    if (isPassing) {
      log.warn("Stripe does not answer", { type: error.type, status });
      const message = "Stripe does not answer. Try again in a moment.";
      return new HoldfastError("billing", "stripe_unavailable", message, {
        ...{ statusCode: 503, cause: error, metadata: { arrived: mayHaveArrived(error, status) } },
      });
    }
    log.error("Stripe refused a request", { type: error.type, status, reason: error.message });
    const message = "Stripe refused the request. The log of this server has the reason.";
    return new HoldfastError("billing", "stripe_refused", message, {
      ...{ statusCode: 502, cause: error, metadata: { arrived: false } },
    });
  }

  async #metadata(organization: string) {
    return { [studioKey]: await this.#options.studio(), [organizationKey]: organization };
  }
}

/** What an object says about whose it is; an invoice says it for its subscription. */
function metadataOf(object: unknown): Readonly<Record<string, unknown>> {
  const { metadata, parent } = (object ?? {}) as {
    readonly metadata?: Readonly<Record<string, unknown>> | null;
    readonly parent?: {
      readonly subscription_details?: { readonly metadata?: Readonly<Record<string, unknown>> | null } | null;
    } | null;
  };
  return { ...parent?.subscription_details?.metadata, ...metadata };
}

function subscriptionOf(given: Stripe.Subscription): SubscriptionRecord {
  const { id, status, created, cancel_at_period_end, items } = given;
  const ends = items.data.map(({ current_period_end }) => current_period_end);
  return {
    ...{ id, status: statusOf(status), createdAt: created * 1000, isEnding: cancel_at_period_end },
    periodEndsAt: Math.max(0, ...ends) * 1000,
    items: items.data.map(({ id: item, price, quantity }) => ({
      ...{ id: item, price: price.id },
      ...(quantity === undefined ? {} : { quantity }),
    })),
  };
}

/** A state that this version does not know gives no plan. */
function statusOf(status: string): SubscriptionRecord["status"] {
  switch (status) {
    case "active":
    case "trialing":
    case "past_due":
    case "unpaid":
    case "canceled":
    case "incomplete":
    case "incomplete_expired":
    case "paused":
      return status;
    default:
      return "paused";
  }
}

function invoiceOf(given: Stripe.Invoice): InvoiceRecord {
  const { id, number, status, created, total, currency, hosted_invoice_url, invoice_pdf, parent } = given;
  const subscription = parent?.subscription_details?.subscription;
  return {
    ...{ id, number, createdAt: created * 1000, total, currency },
    status: invoiceStatusOf(status),
    url: hosted_invoice_url ?? null,
    pdfUrl: invoice_pdf ?? null,
    subscription: typeof subscription === "string" ? subscription : (subscription?.id ?? null),
  };
}

function invoiceStatusOf(status: string | null): InvoiceRecord["status"] {
  switch (status) {
    case "open":
    case "paid":
    case "uncollectible":
    case "void":
      return status;
    default:
      return "draft";
  }
}

function isInterval(interval: string): interval is "day" | "week" | "month" | "year" {
  return ["day", "week", "month", "year"].includes(interval);
}

function isInvalidRequest(error: unknown): error is Error {
  return error instanceof Error && "type" in error && error.type === "StripeInvalidRequestError";
}

/** False only if it is certain: nothing was connected to, or the request was turned away. */
function mayHaveArrived(error: Error, status: number): boolean {
  if (status === 429) return false;
  const { detail } = error as { readonly detail?: { readonly code?: unknown } | string };
  const code = typeof detail === "object" ? detail.code : undefined;
  const isUnconnected = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH"];
  return !isUnconnected.includes(String(code));
}

function refused(problem: string, cause?: unknown): HoldfastError {
  return new HoldfastError("billing", "webhook_refused", `The webhook is refused: ${problem}`, {
    ...{ statusCode: 401, cause },
  });
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("billing", "invalid_settings", message, { statusCode: 400 });
}
