import type { KeptBilling, Proration } from "./kept.ts";
import {
  type CheckoutSession,
  type Customer,
  type Invoice,
  type ItemInput,
  type Metadata,
  type MeterEvent,
  missing,
  type PortalSession,
  type Price,
  Refusal,
  type Subscription,
  type SubscriptionItem,
} from "./objects.ts";

const daySeconds = 24 * 60 * 60;
/** Attempts to collect an invoice before the subscription is unpaid. */
const maxAttempts = 4;

export interface BillingOptions {
  readonly url: string;
  /** In seconds. */
  readonly now: () => number;
  readonly emit: (type: string, object: unknown) => void;
  /** State of an earlier one. */
  readonly kept?: KeptBilling | undefined;
}

/** The objects of an account and what happens to them: payment, renewal, failure, the end. */
export class Billing {
  readonly prices = new Map<string, Price>();
  readonly customers = new Map<string, Customer>();
  readonly subscriptions = new Map<string, Subscription>();
  readonly invoices = new Map<string, Invoice>();
  readonly checkouts = new Map<string, CheckoutSession & { readonly items: readonly ItemInput[] }>();
  readonly portals = new Map<string, PortalSession>();
  readonly meterEvents: MeterEvent[] = [];
  /** Names of the events that meters count, by the id of the meter. */
  readonly meters = new Map<string, string>();
  /** Customers whose card is declined. */
  readonly declined = new Set<string>();
  readonly #options: BillingOptions;
  /** Credits and charges for the rest of a period, which go into the next invoice. */
  readonly #prorations = new Map<string, readonly Proration[]>();
  #count = 0;

  constructor(options: BillingOptions) {
    this.#options = options;
    if (options.kept !== undefined) this.#restore(options.kept);
  }

  #restore(kept: KeptBilling): void {
    this.#count = kept.count;
    for (const each of kept.prices) this.prices.set(each.id, each);
    for (const each of kept.customers) this.customers.set(each.id, each);
    for (const each of kept.subscriptions) this.subscriptions.set(each.id, each);
    for (const each of kept.invoices) this.invoices.set(each.id, each);
    for (const each of kept.checkouts) this.checkouts.set(each.id, each);
    for (const each of kept.portals) this.portals.set(each.id, each);
    this.meterEvents.push(...kept.meterEvents);
    for (const [id, name] of kept.meters) this.meters.set(id, name);
    for (const customer of kept.declined) this.declined.add(customer);
    for (const [id, lines] of kept.prorations) this.#prorations.set(id, lines);
  }

  kept(): KeptBilling {
    return {
      ...{ count: this.#count, prices: [...this.prices.values()], customers: [...this.customers.values()] },
      ...{ subscriptions: [...this.subscriptions.values()], invoices: [...this.invoices.values()] },
      ...{ checkouts: [...this.checkouts.values()], portals: [...this.portals.values()] },
      ...{ meterEvents: this.meterEvents, meters: [...this.meters], declined: [...this.declined] },
      prorations: [...this.#prorations],
    };
  }

  /** Reports an event about an object as it is now. */
  emit(type: string, object: unknown): void {
    this.#options.emit(type, object);
  }

  newId(prefix: string): string {
    this.#count += 1;
    return `${prefix}_${String(this.#count).padStart(8, "0")}`;
  }

  addCustomer({ name, email, metadata }: Partial<Pick<Customer, "name" | "email" | "metadata">>): Customer {
    const id = this.newId("cus");
    const customer: Customer = {
      ...{ id, object: "customer", created: this.#options.now(), name: name ?? null, email: email ?? null },
      metadata: { ...metadata },
    };
    this.customers.set(id, customer);
    this.emit("customer.created", customer);
    return customer;
  }

  price(id: string): Price {
    const found = this.prices.get(id);
    if (found === undefined) throw missing("price", id);
    return found;
  }

  customer(id: string): Customer {
    const found = this.customers.get(id);
    if (found === undefined) throw missing("customer", id);
    return found;
  }

  subscription(id: string): Subscription {
    const found = this.subscriptions.get(id);
    if (found === undefined) throw missing("subscription", id);
    return found;
  }

  /** Starts a subscription and collects its first invoice. Declined cards start none. */
  subscribe(customer: string, items: readonly ItemInput[], metadata: Metadata): Subscription {
    const created = this.#options.now();
    const subscription: Subscription = {
      ...{ id: this.newId("sub"), object: "subscription", created, customer, status: "active" },
      ...{ cancel_at_period_end: false, cancel_at: null, canceled_at: null, ended_at: null },
      ...{ metadata, latest_invoice: null },
      items: { object: "list", has_more: false, data: items.map((item) => this.#item(item, created)) },
    };
    this.subscriptions.set(subscription.id, subscription);
    this.emit("customer.subscription.created", subscription);
    this.#invoice(subscription, created, created);
    return subscription;
  }

  #item({ price = "", quantity }: ItemInput, start: number, end?: number): SubscriptionItem {
    const found = this.price(price);
    const days = found.recurring.interval === "month" ? 30 : 365;
    return {
      ...{ id: this.newId("si"), object: "subscription_item", price: found },
      ...(found.recurring.usage_type === "metered" ? {} : { quantity: Number(quantity ?? 1) }),
      ...{ current_period_start: start, current_period_end: end ?? start + days * daySeconds },
    };
  }

  updateSubscription(
    id: string,
    changes: {
      readonly items?: readonly ItemInput[];
      readonly cancel_at_period_end?: string;
      readonly metadata?: Metadata;
    },
  ): Subscription {
    const subscription = this.subscription(id);
    if (subscription.status === "canceled")
      throw new Refusal(404, "A canceled subscription can only update its cancellation_details.");
    for (const input of changes.items ?? []) this.#changeItem(subscription, input);
    if (changes.cancel_at_period_end !== undefined) {
      const isEnding = changes.cancel_at_period_end === "true";
      subscription.cancel_at_period_end = isEnding;
      subscription.canceled_at = isEnding ? this.#options.now() : null;
      subscription.cancel_at = isEnding ? periodEnd(subscription) : null;
    }
    Object.assign(subscription.metadata, changes.metadata);
    this.emit("customer.subscription.updated", subscription);
    return subscription;
  }

  #changeItem(subscription: Subscription, input: ItemInput): void {
    const { data } = subscription.items;
    const [first] = data;
    if (input.id === undefined) {
      const item = this.#item(input, first?.current_period_start ?? 0, first?.current_period_end);
      data.push(item);
      this.#prorate(subscription, `Remaining time on ${item.price.id}`, amountOf(item));
      return;
    }
    const item = data.find(({ id }) => id === input.id);
    if (item === undefined) throw missing("subscription_item", input.id);
    const before = amountOf(item);
    if (input.deleted === "true") {
      data.splice(data.indexOf(item), 1);
      this.#prorate(subscription, `Unused time on ${item.price.id}`, -before);
      return;
    }
    if (input.price !== undefined) item.price = this.price(input.price);
    if (input.quantity !== undefined) item.quantity = Number(input.quantity);
    this.#prorate(subscription, `Change of ${item.price.id}`, amountOf(item) - before);
  }

  #prorate(subscription: Subscription, description: string, full: number): void {
    const [item] = subscription.items.data;
    if (item === undefined || full === 0) return;
    const { current_period_start: start, current_period_end: end } = item;
    const amount = Math.round((full * (end - this.#options.now())) / (end - start));
    this.#prorations.set(subscription.id, [
      ...(this.#prorations.get(subscription.id) ?? []),
      { description, amount },
    ]);
  }

  /** Ends a subscription now. */
  cancel(id: string): Subscription {
    const subscription = this.subscription(id);
    subscription.status = "canceled";
    subscription.canceled_at ??= this.#options.now();
    subscription.ended_at = this.#options.now();
    this.emit("customer.subscription.deleted", subscription);
    return subscription;
  }

  /** Renews what has reached the end of its period. */
  renew(): void {
    for (const subscription of this.subscriptions.values()) {
      if (subscription.status === "canceled") continue;
      const end = periodEnd(subscription);
      if (end > this.#options.now()) continue;
      if (subscription.cancel_at_period_end) {
        this.cancel(subscription.id);
        continue;
      }
      const start = subscription.items.data[0]?.current_period_start ?? 0;
      for (const item of subscription.items.data) {
        const length = item.current_period_end - item.current_period_start;
        item.current_period_start = end;
        item.current_period_end = end + length;
      }
      this.#invoice(subscription, start, end);
      this.emit("customer.subscription.updated", subscription);
    }
  }

  /** Makes an invoice of the licences of a new period and the usage of the one before, and collects it. */
  #invoice(subscription: Subscription, since: number, until: number): void {
    const { customer, id, items, metadata } = subscription;
    const lines = items.data.map(({ price, quantity }) => {
      const units = quantity ?? this.#used(price, customer, since, until);
      return { description: `${units} × ${price.id}`, amount: units * price.unit_amount };
    });
    lines.push(...(this.#prorations.get(id) ?? []));
    this.#prorations.delete(id);
    const total = lines.reduce((sum, { amount }) => sum + amount, 0);
    const invoiceId = this.newId("in");
    const at = `${this.#options.url}/i/${invoiceId}`;
    const invoice: Invoice = {
      ...{ id: invoiceId, object: "invoice", number: `EMULATOR-${this.invoices.size + 1}` },
      ...{ created: this.#options.now(), customer, currency: items.data[0]?.price.currency ?? "usd" },
      ...{ total, amount_due: Math.max(0, total), amount_paid: 0, status: "open", attempt_count: 0 },
      ...{ hosted_invoice_url: at, invoice_pdf: `${at}/pdf`, lines: { object: "list", data: lines } },
      parent: {
        ...{ type: "subscription_details", quote_details: null },
        subscription_details: { subscription: id, metadata },
      },
    };
    this.invoices.set(invoiceId, invoice);
    subscription.latest_invoice = invoiceId;
    this.emit("invoice.created", invoice);
    this.#collect(invoice, subscription);
  }

  #used(price: Price, customer: string, since: number, until: number): number {
    const name = this.meters.get(price.recurring.meter ?? "");
    return this.meterEvents
      .filter(({ event_name, payload, timestamp }) => {
        const isOfPeriod = timestamp >= since && timestamp < until;
        return event_name === name && payload["stripe_customer_id"] === customer && isOfPeriod;
      })
      .reduce((sum, { payload }) => sum + Number(payload["value"]), 0);
  }

  #collect(invoice: Invoice, subscription: Subscription): void {
    invoice.attempt_count += 1;
    if (!this.declined.has(invoice.customer)) {
      invoice.status = "paid";
      invoice.amount_paid = invoice.amount_due;
      this.emit("invoice.paid", invoice);
      this.#setStatus(subscription, "active");
      return;
    }
    this.emit("invoice.payment_failed", invoice);
    this.#setStatus(subscription, invoice.attempt_count >= maxAttempts ? "unpaid" : "past_due");
  }

  #setStatus(subscription: Subscription, status: Subscription["status"]): void {
    if (subscription.status === status || subscription.status === "canceled") return;
    subscription.status = status;
    this.emit("customer.subscription.updated", subscription);
  }

  /** Tries to collect all open invoices of a customer again. */
  retryPayments(customer: string): void {
    for (const invoice of this.invoices.values()) {
      if (invoice.customer !== customer || invoice.status !== "open") continue;
      this.#collect(invoice, this.subscription(invoice.parent.subscription_details.subscription));
    }
  }

  /** Adds an event of a meter, once for each identifier. */
  addMeterEvent(event: Omit<MeterEvent, "object" | "created" | "livemode">): MeterEvent {
    const { event_name, identifier, payload } = event;
    if (![...this.meters.values()].includes(event_name))
      throw new Refusal(400, `No active meter found for event name ${event_name}`);
    this.customer(payload["stripe_customer_id"] ?? "");
    if (!/^\d+$/.test(payload["value"] ?? "")) throw new Refusal(400, "The value must be a whole number");
    if (this.meterEvents.some((each) => each.identifier === identifier))
      throw new Refusal(400, `An event already exists with identifier ${identifier}.`);
    const created = this.#options.now();
    const added: MeterEvent = { object: "billing.meter_event", created, livemode: false, ...event };
    this.meterEvents.push(added);
    return added;
  }
}

function amountOf({ price, quantity = 0 }: SubscriptionItem): number {
  return price.unit_amount * quantity;
}

function periodEnd({ items }: Subscription): number {
  return items.data[0]?.current_period_end ?? 0;
}
