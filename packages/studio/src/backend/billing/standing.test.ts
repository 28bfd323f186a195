import assert from "node:assert/strict";
import { test } from "node:test";
import { type InvoiceRecord, type SubscriptionRecord, subscriptionStatuses } from "../../billing/payments.ts";
import { parsePlans } from "../../billing/plans.ts";
import { changesTo, itemsOf } from "./items.ts";
import { currentOf, standingOf, unpaidSinceOf } from "./standing.ts";

const day = 24 * 60 * 60 * 1000;
const list = parsePlans(
  JSON.stringify({
    version: 1,
    graceDays: 7,
    plans: [
      { name: "free", title: "Free", seats: 1 },
      { name: "team", title: "Team", price: "price_team", seatPrice: "price_seat", seats: 2 },
    ],
  }),
);
const [, team] = list.plans;
assert.ok(team !== undefined);

function subscription(status: SubscriptionRecord["status"], more: Partial<SubscriptionRecord> = {}) {
  const items = [{ id: "si_1", price: "price_team", quantity: 1 }];
  return { id: "sub_1", status, createdAt: 1, isEnding: false, periodEndsAt: 30 * day, items, ...more };
}

function invoice(status: InvoiceRecord["status"], createdAt: number, of = "sub_1"): InvoiceRecord {
  const shared = { id: `in_${createdAt}`, number: null, total: 1, currency: "usd", url: null, pdfUrl: null };
  return { ...shared, status, createdAt, subscription: of };
}

test("which plan is in force in each state of a subscription", () => {
  const found = subscriptionStatuses.map((status) => {
    const { plan, standing } = standingOf(subscription(status), 0, list, day);
    return [status, plan?.name, standing];
  });
  assert.deepEqual(found, [
    ["active", "team", "active"],
    ["trialing", "team", "active"],
    ["past_due", "team", "past-due"],
    ["unpaid", "team", "past-due"],
    ["canceled", "free", "free"],
    ["incomplete", "free", "incomplete"],
    ["incomplete_expired", "free", "free"],
    ["paused", "free", "lapsed"],
  ]);
  assert.equal(standingOf(null, null, list, day).plan?.name, "free");
  const ending = standingOf(subscription("active", { isEnding: true }), null, list, day);
  assert.deepEqual([ending.plan?.name, ending.standing], ["team", "ending"]);
});

test("a plan that is not paid goes on for the days of grace, to the millisecond", () => {
  const unpaid = subscription("past_due");
  for (const [now, plan, standing] of [
    [day, "team", "past-due"],
    [8 * day - 1, "team", "past-due"],
    [8 * day, "free", "lapsed"],
  ] as const) {
    const found = standingOf(unpaid, day, list, now);
    assert.deepEqual([found.plan?.name, found.standing, found.graceEndsAt], [plan, standing, 8 * day]);
  }
});

test("grace begins with the oldest unpaid invoice of the subscription, also one that is read late", () => {
  const invoices = [
    ...[invoice("open", 9 * day), invoice("open", 2 * day), invoice("paid", day)],
    ...[invoice("open", 1, "sub_other"), invoice("void", 3)],
  ];
  assert.equal(unpaidSinceOf(subscription("past_due"), invoices, null, 10 * day), 2 * day);
  assert.equal(unpaidSinceOf(subscription("past_due"), [], null, 10 * day), 10 * day);
  assert.equal(unpaidSinceOf(subscription("past_due"), [], 4 * day, 10 * day), 4 * day);
  assert.equal(unpaidSinceOf(subscription("active"), invoices, 4 * day, 10 * day), null);
});

test("prices that no plan names bound nothing", () => {
  const items = [{ id: "si_1", price: "price_special", quantity: 1 }];
  const found = standingOf(subscription("active", { items }), null, list, day);
  assert.deepEqual([found.plan, found.standing], [undefined, "active"]);
});

test("the newest live subscription counts, before one that was begun and not paid", () => {
  const subscriptions = [
    subscription("incomplete", { id: "sub_3" }),
    subscription("active", { id: "sub_2" }),
    subscription("active", { id: "sub_1" }),
  ];
  assert.equal(currentOf({ subscriptions, invoices: [] })?.id, "sub_2");
  const begun = [subscription("canceled", { id: "sub_4" }), subscription("incomplete", { id: "sub_3" })];
  assert.equal(currentOf({ subscriptions: begun, invoices: [] })?.id, "sub_3");
  assert.equal(currentOf({ subscriptions: [subscription("canceled")], invoices: [] }), null);
});

test("the items of a plan follow the number of members", () => {
  assert.deepEqual(itemsOf(team, 2), [{ price: "price_team", quantity: 1 }]);
  const seats = { price: "price_seat", quantity: 3 };
  assert.deepEqual(itemsOf(team, 5), [{ price: "price_team", quantity: 1 }, seats]);
  const present = subscription("active");
  assert.deepEqual(changesTo(present, itemsOf(team, 2)), []);
  assert.deepEqual(changesTo(present, itemsOf(team, 5)), [seats]);
  const more = { ...present, items: [...present.items, { id: "si_2", price: "price_seat", quantity: 1 }] };
  assert.deepEqual(changesTo(more, itemsOf(team, 5)), [{ id: "si_2", quantity: 3 }]);
  assert.deepEqual(changesTo(more, itemsOf(team, 1)), [{ id: "si_2", isDeleted: true }]);
});
