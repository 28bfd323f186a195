import assert from "node:assert/strict";
import { test } from "node:test";
import { Tickets } from "./tickets.ts";

const fiveMinutes = 5 * 60_000;

test("a ticket is taken once, and within five minutes", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000 });
  const tickets = new Tickets();
  const [first, second] = [tickets.issue(), tickets.issue()];
  assert.equal(first.expiresAtMs, 1_000 + fiveMinutes);
  assert.equal(tickets.take("another"), false);
  assert.equal(tickets.take(first.text), true);
  assert.equal(tickets.take(first.text), false);
  t.mock.timers.tick(fiveMinutes);
  assert.equal(tickets.take(second.text), false);
});

test("tickets that nobody came with are forgotten", (t) => {
  t.mock.timers.enable({ apis: ["Date"] });
  const tickets = new Tickets();
  for (let index = 0; index < 100; index += 1) tickets.issue();
  assert.equal(tickets.size, 100);
  t.mock.timers.tick(fiveMinutes);
  const last = tickets.issue();
  assert.equal(tickets.size, 1);
  assert.equal(tickets.take(last.text), true);
});
