/** The requests of the API that the emulator knows. */
import type { Billing } from "./billing.ts";
import {
  type CheckoutSession,
  type ItemInput,
  type Metadata,
  missing,
  type PortalSession,
  Refusal,
} from "./objects.ts";

/** Decoded fields of a form. */
export type Fields = Readonly<Record<string, unknown>>;

export interface RouteContext {
  readonly billing: Billing;
  readonly now: number;
  readonly url: string;
}

export type Route = (context: RouteContext, fields: Fields, id: string) => unknown;

const list = (data: readonly unknown[], limit: unknown) => {
  const size = Number(limit ?? 10);
  return { object: "list", url: "/v1", has_more: data.length > size, data: data.slice(0, size) };
};

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function required(fields: Fields, name: string): string {
  const value = textOf(fields[name]);
  if (value !== undefined && value !== "") return value;
  throw new Refusal(400, `Missing required param: ${name}.`, { code: "parameter_missing", param: name });
}

const metadataOf = (value: unknown): Metadata => ({ ...(value as Metadata | undefined) });

function itemsOf(value: unknown): readonly ItemInput[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : Object.values(value as object)) as readonly ItemInput[];
}

export const routes: readonly (readonly [RegExp, Route])[] = [
  [
    /^POST \/v1\/customers$/,
    ({ billing }, fields) =>
      billing.addCustomer({
        name: textOf(fields["name"]) ?? null,
        email: textOf(fields["email"]) ?? null,
        metadata: metadataOf(fields["metadata"]),
      }),
  ],
  [/^GET \/v1\/customers\/(\w+)$/, ({ billing }, _fields, id) => billing.customer(id)],
  [/^GET \/v1\/prices\/(\w+)$/, ({ billing }, _fields, id) => billing.price(id)],
  [/^POST \/v1\/checkout\/sessions$/, startCheckout],
  [
    /^POST \/v1\/checkout\/sessions\/(\w+)\/expire$/,
    ({ billing }, _fields, id) => {
      const session = billing.checkouts.get(id);
      if (session === undefined) throw missing("checkout session", id);
      if (session.status !== "open")
        throw new Refusal(400, 'Only Checkout Sessions with a status in ["open"] can be expired.');
      session.status = "expired";
      session.url = null;
      return session;
    },
  ],
  [
    /^POST \/v1\/billing_portal\/sessions$/,
    ({ billing, now, url }, fields) => {
      const customer = billing.customer(required(fields, "customer")).id;
      const id = billing.newId("bps");
      const session: PortalSession = {
        ...{ id, object: "billing_portal.session", created: now, customer, url: `${url}/portal/${id}` },
        return_url: required(fields, "return_url"),
      };
      billing.portals.set(id, session);
      return session;
    },
  ],
  [
    /^GET \/v1\/subscriptions$/,
    ({ billing }, fields) => {
      const found = [...billing.subscriptions.values()].filter(
        ({ customer, status }) =>
          customer === fields["customer"] && (fields["status"] === "all" || status !== "canceled"),
      );
      return list(found.toReversed(), fields["limit"]);
    },
  ],
  [/^GET \/v1\/subscriptions\/(\w+)$/, ({ billing }, _fields, id) => billing.subscription(id)],
  [
    /^POST \/v1\/subscriptions\/(\w+)$/,
    ({ billing }, fields, id) => {
      const ending = textOf(fields["cancel_at_period_end"]);
      return billing.updateSubscription(id, {
        items: itemsOf(fields["items"]),
        ...(ending === undefined ? {} : { cancel_at_period_end: ending }),
        metadata: metadataOf(fields["metadata"]),
      });
    },
  ],
  [/^DELETE \/v1\/subscriptions\/(\w+)$/, ({ billing }, _fields, id) => billing.cancel(id)],
  [
    /^GET \/v1\/invoices$/,
    ({ billing }, fields) => {
      const found = [...billing.invoices.values()].filter(({ customer }) => customer === fields["customer"]);
      return list(found.toReversed(), fields["limit"]);
    },
  ],
  [
    /^POST \/v1\/billing\/meter_events$/,
    ({ billing, now }, fields) =>
      billing.addMeterEvent({
        event_name: required(fields, "event_name"),
        identifier: textOf(fields["identifier"]) ?? billing.newId("mev"),
        payload: metadataOf(fields["payload"]),
        timestamp: Number(fields["timestamp"] ?? now),
      }),
  ],
];

function startCheckout({ billing, now, url }: RouteContext, fields: Fields): CheckoutSession {
  const customer = billing.customer(required(fields, "customer")).id;
  if (required(fields, "mode") !== "subscription") throw new Refusal(400, "Only subscriptions are emulated.");
  const items = itemsOf(fields["line_items"]);
  if (items.length === 0) throw new Refusal(400, "Missing required param: line_items.");
  for (const { price = "", quantity } of items) {
    const { usage_type } = billing.price(price).recurring;
    if (usage_type === "metered" && quantity !== undefined)
      throw new Refusal(400, "A metered price takes no quantity.");
    if (usage_type === "licensed" && Number(quantity ?? 0) < 1)
      throw new Refusal(400, "Quantity must be at least 1.");
  }
  const id = billing.newId("cs");
  const more = fields["subscription_data"] as Fields | undefined;
  const session: CheckoutSession & { readonly items: readonly ItemInput[] } = {
    ...{ id, object: "checkout.session", created: now, mode: "subscription", customer, items },
    client_reference_id: textOf(fields["client_reference_id"]) ?? null,
    metadata: { ...metadataOf(fields["metadata"]), ...metadataOf(more?.["metadata"]) },
    success_url: required(fields, "success_url"),
    cancel_url: required(fields, "cancel_url"),
    ...{ url: `${url}/checkout/${id}`, status: "open", subscription: null },
  };
  billing.checkouts.set(id, session);
  return session;
}
