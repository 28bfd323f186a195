/** The pages that Stripe hosts: payment of a checkout, the portal of a customer, an invoice. */
import type { Billing } from "./billing.ts";
import { missing } from "./objects.ts";

/** Either a page, or the address where the browser goes next. */
export type PageAnswer = { readonly html: string } | { readonly location: string };

function page(title: string, body: string): PageAnswer {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width"><main><h1>${title}</h1>${body}
<p><small>This is an emulator of Stripe. No money moves.</small></p></main></html>`;
  return { html };
}

const button = (action: string, words: string) =>
  `<form method="post"><button name="action" value="${action}">${words}</button></form>`;

/** `action` is that of the button that was pressed; undefined when the page is opened. */
export function checkoutPage(billing: Billing, id: string, action: string | undefined): PageAnswer {
  const session = billing.checkouts.get(id);
  if (session === undefined) throw missing("checkout session", id);
  if (session.status === "expired") return page("This link has expired", "");
  if (session.status === "complete") return { location: session.success_url };
  if (action === "cancel") return { location: session.cancel_url };
  if (action === "pay") {
    completeCheckout(billing, id);
    return { location: session.success_url };
  }
  const items = session.items.map(({ price, quantity }) => `<li>${quantity ?? "by use"} × ${price}</li>`);
  const problem = action === "decline" ? "<p role=alert>Your card was declined.</p>" : "";
  return page(
    "Pay",
    `${problem}<ul>${items.join("")}</ul>${button("pay", "Pay")}${button("decline", "Pay with a card that is declined")}${button("cancel", "Back")}`,
  );
}

/** Pays a checkout, as its page does. */
export function completeCheckout(billing: Billing, id: string): void {
  const session = billing.checkouts.get(id);
  if (session?.status !== "open") throw missing("open checkout session", id);
  const { subscription } = session;
  session.status = "complete";
  session.url = null;
  session.subscription =
    subscription ?? billing.subscribe(session.customer, session.items, { ...session.metadata }).id;
  billing.emit("checkout.session.completed", session);
}

export function portalPage(billing: Billing, id: string, action: string | undefined): PageAnswer {
  const session = billing.portals.get(id);
  if (session === undefined) throw missing("portal session", id);
  const { customer, return_url } = session;
  const live = [...billing.subscriptions.values()].filter(
    (each) => each.customer === customer && each.status !== "canceled",
  );
  switch (action) {
    case "card-works":
      billing.declined.delete(customer);
      billing.retryPayments(customer);
      break;
    case "card-declined":
      billing.declined.add(customer);
      break;
    case "cancel":
      for (const { id: each } of live) billing.updateSubscription(each, { cancel_at_period_end: "true" });
      break;
    default:
  }
  const back = `<p><a href="${return_url}">Back</a></p>`;
  const state = live.map((each) => `<li>${each.id}: ${each.status}</li>`).join("");
  return page(
    "Payment",
    `<ul>${state}</ul>${button("card-works", "Use a card that works")}${button("card-declined", "Use a card that is declined")}${button("cancel", "Cancel subscription")}${back}`,
  );
}

/** The first page, which Stripe has not: what there is, and the time. */
export function clockPage(billing: Billing, now: number): PageAnswer {
  const rows = [...billing.subscriptions.values()].map(({ id, status }) => `<li>${id}: ${status}</li>`);
  const time = `<p>It is ${new Date(now * 1000).toISOString()}.</p>`;
  return page("Emulator of Stripe", `${time}<ul>${rows.join("")}</ul>${button("month", "Let a month pass")}`);
}

export function invoicePage(billing: Billing, id: string): PageAnswer {
  const invoice = billing.invoices.get(id);
  if (invoice === undefined) throw missing("invoice", id);
  const lines = invoice.lines.data.map(({ description, amount }) => `<li>${description}: ${amount}</li>`);
  return page(`Invoice ${invoice.number}`, `<p>${invoice.status}</p><ul>${lines.join("")}</ul>`);
}
