import assert from "node:assert/strict";
import { test } from "node:test";
import { Tickets } from "./tickets.ts";

const fiveMinutes = 5 * 60_000;

test("a ticket can be redeemed once, within five minutes", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000 });
  const tickets = new Tickets();
  const [first, second] = [tickets.issue(), tickets.issue()];
  assert.equal(first.expiresAtMs, 1_000 + fiveMinutes);
  assert.equal(tickets.redeem("another"), false);
  assert.equal(tickets.redeem(first.text), true);
  assert.equal(tickets.redeem(first.text), false);
  t.mock.timers.tick(fiveMinutes);
  assert.equal(tickets.redeem(second.text), false);
});

test("expired tickets are removed", (t) => {
  t.mock.timers.enable({ apis: ["Date"] });
  const tickets = new Tickets();
  for (let index = 0; index < 100; index += 1) tickets.issue();
  assert.equal(tickets.size, 100);
  t.mock.timers.tick(fiveMinutes);
  const last = tickets.issue();
  assert.equal(tickets.size, 1);
  assert.equal(tickets.redeem(last.text), true);
});
