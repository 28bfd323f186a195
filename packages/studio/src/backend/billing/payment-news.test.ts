import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePlans } from "../../billing/plans.ts";
import { takePaymentNews } from "./payment-news.ts";
import { type BillingState, newState } from "./state.ts";

const day = 24 * 60 * 60 * 1000;
const plans = parsePlans(
  JSON.stringify({
    version: 1,
    graceDays: 7,
    plans: [
      { name: "free", title: "Free", seats: 1 },
      { name: "team", title: "Team", price: "price_team", seats: 2 },
    ],
  }),
);

function set(state: BillingState, status: "active" | "past_due" | "canceled", unpaidSince: number | null) {
  const items = [{ id: "si_1", price: "price_team", quantity: 1 }];
  state.subscription = { id: "sub_1", status, createdAt: 1, isEnding: false, periodEndsAt: 30 * day, items };
  state.unpaidSince = unpaidSince;
}

test("owners are told once of a payment that fails, and again when it succeeds", () => {
  const state = newState();
  const take = (now: number) => takePaymentNews(state, plans, now);
  set(state, "active", null);
  assert.equal(take(1), undefined);
  set(state, "past_due", day);
  const failed = take(day);
  assert.deepEqual([failed?.seq, failed?.outcome], [1, "failed"]);
  assert.match(failed?.text ?? "", /goes on until 1970-01-09/);
  // Another invoice fails too.
  set(state, "past_due", day - 1);
  assert.equal(take(2 * day), undefined);
  set(state, "active", null);
  assert.deepEqual([take(3 * day)?.outcome, take(3 * day)], ["paid", undefined]);
});

test("what is only read after the days of grace, and a subscription that ends unpaid, say so", () => {
  const state = newState();
  set(state, "past_due", day);
  assert.match(takePaymentNews(state, plans, 9 * day)?.text ?? "", /limits of the free plan apply/);
  set(state, "canceled", null);
  const ended = takePaymentNews(state, plans, 10 * day);
  assert.deepEqual([ended?.seq, ended?.outcome], [2, "ended"]);
});
