import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { RateLimiter, type RateLimits } from "./rate-limiter.ts";
import { rateLimited } from "./refusal.ts";

const none = { calls: { perMinute: 1e9, burst: 1e9 } };
const principal = { jailId: "j", session: "s", group: "g", user: "u", organization: "o" };

function setup(t: TestContext, limits: RateLimits) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-rates-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const time = { now: 1_000_000 };
  const path = join(directory, "rates.json");
  const open = () =>
    new RateLimiter({
      ...{ path, clock: { now: () => time.now }, log: silentLogger },
      limits: { jail: none, tool: none, user: none, organization: none, ...limits },
    });
  return { open, time, path };
}

test("allows a burst, refuses the next, and fills up over time", (t) => {
  const { open, time } = setup(t, { jail: { calls: { perMinute: 60, burst: 3 } } });
  const rates = open();
  for (let n = 0; n < 3; n++) assert.equal(rates.take(principal, "a", 1), undefined);
  const limited = rates.take(principal, "b", 1);
  assert.deepEqual([limited?.scope, limited?.unit, limited?.retryAfterMs], ["jail", "calls", 1_000]);
  time.now += 999;
  assert.ok(rates.take(principal, "a", 1));
  time.now += 1;
  assert.equal(rates.take(principal, "a", 1), undefined);
  assert.ok(rates.take(principal, "a", 1));
  assert.equal(rates.take({ ...principal, session: "other" }, "a", 1), undefined);
});

test("a rate of nothing a minute is a burst for good: no wait is told", (t) => {
  const never = { perMinute: 0, burst: 1 };
  const { open, time } = setup(t, { jail: { calls: never }, user: { money: never } });
  const rates = open();
  assert.equal(rates.take(principal, "a", 1), undefined);
  time.now += 30 * 24 * 3_600_000;
  const limited = rates.take(principal, "a", 1);
  assert.deepEqual(limited, { scope: "jail", unit: "calls", retryAfterMs: undefined });
  rates.spend(principal, 1);
  assert.deepEqual(rates.spent(principal), { scope: "user", unit: "money", retryAfterMs: undefined });
  assert.ok(limited);
  const { retriable, retry_after: after } = rateLimited("Too many calls", limited).payload;
  assert.deepEqual([retriable, after], [false, undefined]);
  const { payload } = rateLimited("Too many calls", { ...limited, retryAfterMs: 1_001 });
  assert.deepEqual([payload.retriable, payload.retry_after], [true, 2]);
});

test("counts each scope by itself; what is refused uses up nothing", (t) => {
  const { open } = setup(t, {
    tool: { calls: { perMinute: 1, burst: 1 } },
    user: { calls: { perMinute: 1, burst: 2 } },
  });
  const rates = open();
  assert.equal(rates.take(principal, "a", 1), undefined);
  assert.equal(rates.take(principal, "a", 1)?.scope, "tool");
  assert.equal(rates.take(principal, "b", 1), undefined);
  assert.equal(rates.take({ ...principal, session: "other" }, "c", 1)?.scope, "user");
  assert.equal(rates.take({ ...principal, session: "other", user: "v" }, "c", 1), undefined);
});

test("takes bytes and money when they are known, and then waits for what is owed", (t) => {
  const { open, time } = setup(t, {
    organization: { bytes: { perMinute: 600, burst: 100 }, money: { perMinute: 60, burst: 10 } },
  });
  const rates = open();
  assert.equal(rates.take(principal, "a", 50), undefined);
  rates.charge(principal, "a", { bytes: 1_050, money: 0 });
  assert.deepEqual(rates.take(principal, "a", 1)?.unit, "bytes");
  time.now += 101_000;
  assert.equal(rates.take(principal, "a", 1), undefined);
  rates.charge(principal, "a", { bytes: 0, money: 11 });
  assert.equal(rates.take(principal, "a", 1)?.unit, "money");
});

test("survives a restart, a clock that jumps, and a file that is none", async (t) => {
  const { open, time, path } = setup(t, { jail: { calls: { perMinute: 60, burst: 2 } } });
  const first = open();
  first.take(principal, "a", 1);
  first.take(principal, "a", 1);
  await first.close();
  const second = open();
  assert.ok(second.take(principal, "a", 1));
  time.now -= 3_600_000;
  assert.ok(second.take(principal, "a", 1));
  time.now += 2 * 3_600_000;
  assert.equal(second.take(principal, "a", 1), undefined);
  assert.equal(second.take(principal, "a", 1), undefined);
  assert.ok(second.take(principal, "a", 1));
  await second.close();
  writeFileSync(path, "{");
  assert.equal(open().take(principal, "a", 1), undefined);
});

test("what another version has saved is not taken for this one's", (t) => {
  const { open, path } = setup(t, { jail: { calls: { perMinute: 60, burst: 1 } } });
  const buckets = [["jail\0calls\0s", { left: 0, at: 1_000_000 }]];
  const save = (saved: unknown) => writeFileSync(path, JSON.stringify(saved));
  save({ version: 1, buckets });
  assert.equal(open().take(principal, "a", 1)?.scope, "jail");
  for (const saved of [{ version: 2, buckets }, { buckets }, { version: 1, buckets: {} }]) {
    save(saved);
    assert.equal(open().take(principal, "a", 1), undefined, JSON.stringify(saved));
  }
});
