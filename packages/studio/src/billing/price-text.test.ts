import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlanView } from "../contract/billing.ts";
import { amountText, priceText } from "./price-text.ts";

test("amounts in the smallest unit of their currency, also parts of it", () => {
  assert.equal(amountText(2_500, "usd"), "$25.00");
  assert.equal(amountText(2_500, "jpy"), "¥2,500");
  assert.equal(amountText(0.5, "usd"), "$0.005");
});

test("the price of a plan in words", () => {
  const plan: PlanView = {
    ...{
      name: "team",
      title: "Team",
      description: "",
      isFree: false,
      isCurrent: false,
      seats: 1,
      limits: {},
    },
    ...{ price: { amount: 2_000, currency: "usd", interval: "month" }, seatPrice: null, usage: [] },
  };
  assert.equal(priceText(plan), "$20.00 a month with 1 seat");
  assert.equal(priceText({ ...plan, isFree: true, price: null, seats: 2 }), "free with 2 seats");
  const seatPrice = { amount: 500, currency: "usd", interval: "month" } as const;
  assert.equal(priceText({ ...plan, price: null, seatPrice, seats: 0 }), "$5.00 a month for each seat");
  const unit = { amount: 2, currency: "usd", interval: "month" } as const;
  const usage = [{ measure: "sandboxMinutes", price: unit }] as const;
  const { price: _, ...unread } = plan;
  const text = "price not known with 1 seat, $0.02 for each minute of sandboxes";
  assert.equal(priceText({ ...unread, usage }), text);
});
