import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { parsePlans, planOfPrices } from "./plans.ts";

const free = { name: "free", title: "Free", seats: 1, limits: { tasksAtOnce: 1, sandboxMinutes: 600 } };
const team = {
  ...{ name: "team", title: "Team", description: "For a team", price: "price_team", seats: 3 },
  seatPrice: "price_seat",
  usage: [{ measure: "sandboxMinutes", price: "price_minutes", event: "sandbox_minutes" }],
};
const text = (plans: unknown, more: object = {}) => JSON.stringify({ version: 1, plans, ...more });

test("the free plan comes first, and a plan is known by its prices", () => {
  const { plans, graceMs } = parsePlans(text([team, free], { graceDays: 3 }));
  assert.deepEqual(
    plans.map(({ name, atLimit }) => [name, atLimit]),
    [
      ["free", "stop"],
      ["team", "stop"],
    ],
  );
  assert.equal(graceMs, 3 * 24 * 60 * 60 * 1000);
  assert.equal(planOfPrices(plans, ["price_other", "price_seat"])?.name, "team");
  assert.equal(planOfPrices(plans, ["price_minutes"]), undefined);
});

test("a file that makes no sense is refused with the place in it", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", "not valid JSON"],
    [JSON.stringify({ version: 2, plans: [free, team] }), "/version"],
    [text([free]), "/plans"],
    [text([free, { ...team, price: undefined, seatPrice: undefined, usage: [] }]), "exactly one plan"],
    [text([{ ...team, name: "a" }, { ...team, name: "b", seatPrice: "other" }, free]), "price_team"],
    [text([free, { ...team, name: "free" }]), 'name "free"'],
    [text([free, { ...team, seats: 1.5 }]), "/plans/1/seats"],
    [text([free, { ...team, seats: -1 }]), "/plans/1/seats"],
    [text([free, { ...team, limits: { tokens: 1 } }]), "/plans/1/limits/tokens: unknown field"],
    [text([free, { ...team, atLimit: "kill" }]), "/plans/1/atLimit"],
    [text([free, { ...team, usage: [{ ...team.usage[0], measure: "hours" }] }]), "/plans/1/usage/0/measure"],
    [text([free, { ...team, usage: [...team.usage, ...team.usage] }]), "charges twice"],
    [text([{ ...free, usage: team.usage }, team]), "without a price cannot charge"],
    [text([free, team], { graceDays: 400 }), "/graceDays"],
  ];
  for (const [file, problem] of cases)
    assert.throws(
      () => parsePlans(file),
      (error) => isErrorCode(error, "billing", "invalid_plans") && String(error).includes(problem),
      problem,
    );
});
