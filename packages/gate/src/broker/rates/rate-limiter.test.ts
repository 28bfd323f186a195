import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { rateLimited } from "../refusal.ts";
import { RateLimiter } from "./rate-limiter.ts";
import type { RateLimits } from "./rates.ts";

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

test("where there are too many to keep, who owes most is not forgotten", async (t) => {
  const slow = { perMinute: 60, burst: 10 };
  const { open, time, path } = setup(t, { jail: { money: slow }, user: {}, organization: {} });
  // Two hours ago: most are full again, some were for long in debt.
  const at = time.now;
  time.now += 2 * 3_600_000;
  const saved = Array.from({ length: 100_000 }, (_, n) => [
    `jail\0money\0s${n}`,
    { left: n % 2 === 0 ? -60 * 60 * 24 : 5, at },
  ]);
  writeFileSync(path, JSON.stringify({ version: 1, buckets: saved }));
  const rates = open();
  const of = (session: string) => ({ ...principal, session });
  rates.spend(of("another"), 1);
  assert.equal(rates.spent(of("s0"))?.unit, "money", "its debt is of a day, of which two hours are over");
  assert.equal(rates.spent(of("s1")), undefined);
  await rates.close();
  assert.equal(keptIn(path), 50_000 + 2);
});

test("of those that all owe, who owes least is forgotten first, and no more are kept than may be", async (t) => {
  const { open, time, path } = setup(t, {
    jail: { money: { perMinute: 60, burst: 10 } },
    ...{ tool: { calls: { perMinute: 0, burst: 5 } }, user: {}, organization: {} },
  });
  const buckets = [
    // A rate of nothing a minute gives nothing back.
    ["tool\0calls\0s\0a", { left: 0, at: time.now }],
    ["nothing\0that is known", { left: -1e9, at: time.now }],
    ...Array.from({ length: 99_998 }, (_, n) => [`jail\0money\0s${n}`, { left: -1 - n, at: time.now }]),
  ];
  writeFileSync(path, JSON.stringify({ version: 1, buckets }));
  const rates = open();
  const of = (session: string) => ({ ...principal, session });
  rates.spend(of("another"), 1);
  assert.equal(rates.spent(of("s99997"))?.scope, "jail");
  assert.equal(rates.spent(of("s20000"))?.scope, "jail");
  assert.equal(rates.take(principal, "a", 1)?.scope, "tool");
  assert.equal(rates.spent(of("s9000")), undefined);
  await rates.close();
  assert.equal(keptIn(path), 90_000 + 2);
});

function keptIn(path: string): number {
  return (JSON.parse(readFileSync(path, "utf8")) as { buckets: unknown[] }).buckets.length;
}

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
