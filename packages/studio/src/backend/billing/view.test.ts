import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePlans } from "../../billing/plans.ts";
import { takeReports } from "./metering.ts";
import { type Metering, newState } from "./state.ts";
import { limitsOf, overviewOf } from "./view.ts";

const [free] = parsePlans(
  JSON.stringify({
    version: 1,
    plans: [
      {
        name: "free",
        title: "Free",
        seats: 2,
        limits: { tasksAtOnce: 2, sandboxMinutes: 10, modelCents: 100 },
      },
      { name: "team", title: "Team", price: "price_team", seats: 2 },
    ],
  }),
).plans;
assert.ok(free !== undefined);
const none = { seats: 1, activeTasks: 0, sandboxMs: 0, costMicros: 0 };

test("each limit at it, one below, and where people are warned", () => {
  const states = (use: Partial<typeof none>) =>
    limitsOf(free, { ...none, ...use })
      .filter(({ state }) => state !== "ok")
      .map(({ limit, state }) => `${limit} ${state}`);
  assert.deepEqual(states({}), []);
  assert.deepEqual(states({ seats: 2 }), []);
  assert.deepEqual(states({ seats: 3 }), ["seats reached"]);
  assert.deepEqual(states({ activeTasks: 1 }), []);
  assert.deepEqual(states({ activeTasks: 2 }), ["tasksAtOnce reached"]);
  assert.deepEqual(states({ sandboxMs: 8 * 60_000 - 1 }), []);
  assert.deepEqual(states({ sandboxMs: 8 * 60_000 }), ["sandboxMinutes warning"]);
  assert.deepEqual(states({ sandboxMs: 10 * 60_000 - 1 }), ["sandboxMinutes warning"]);
  assert.deepEqual(states({ sandboxMs: 10 * 60_000 }), ["sandboxMinutes reached"]);
  assert.deepEqual(states({ costMicros: 790_000 }), []);
  assert.deepEqual(states({ costMicros: 1_000_000 }), ["modelCents reached"]);
});

test("a look that failed is told with the time of the last one", () => {
  const list = { plans: [free], graceMs: 0 };
  const at = { since: "2026-11-01", until: "2026-11-25", now: 10 * 60_000 };
  const notices = (state: Partial<ReturnType<typeof newState>>) =>
    overviewOf({ ...newState(), ...state }, list, none, at).notices.map(({ text }) => text);
  assert.deepEqual(notices({ readAt: 0 }), []);
  assert.match(notices({ readAt: 60_000, failures: 1 })[0] ?? "", /how it was 9 minutes ago/);
  assert.match(notices({ failures: 1 })[0] ?? "", /not read yet/);
});

test("use is reported in whole units, from the moment on when it is charged, and never twice", () => {
  const metering: Metering = { subscription: "sub_1", since: "2026-11-25", units: {} };
  const usage = [{ measure: "sandboxMinutes", price: "price_minutes", event: "minutes" }] as const;
  const take = (sandboxMs: number) =>
    takeReports(metering, usage, { sandboxMs, costMicros: 0 }, "scope").map(({ id, value }) => [id, value]);
  const id = "scope/sandboxMinutes/2026-11-25";
  assert.deepEqual(take(3.5 * 60_000), [], "what was used before is free");
  assert.deepEqual(take(3.9 * 60_000), []);
  assert.deepEqual(take(5.9 * 60_000), [[`${id}/3`, 2]]);
  assert.deepEqual(take(5.95 * 60_000), []);
  assert.deepEqual(take(7 * 60_000), [[`${id}/5`, 2]]);
});
