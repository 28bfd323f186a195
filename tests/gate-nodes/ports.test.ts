/** Each port of the gate with its implementations, by files and by actors, through one suite. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type Clock, isErrorCode, silentLogger, systemClock } from "@holdfast/core";
import type { BudgetRule, Grant, RateLimits } from "@holdfast/gate";
import { RateLimiter } from "../../packages/gate/src/broker/rates/rate-limiter.ts";
import type { Rates } from "../../packages/gate/src/broker/rates/rates.ts";
import { SharedRateLimiter } from "../../packages/gate/src/broker/rates/shared-rate-limiter.ts";
import { BudgetLedger } from "../../packages/gate/src/egress/metering/budget-ledger.ts";
import type { Budgets } from "../../packages/gate/src/egress/metering/budgets.ts";
import { SharedBudgets } from "../../packages/gate/src/egress/metering/shared-budgets.ts";
import { CredentialFile, type CredentialStore } from "../../packages/gate/src/vault/credential-file.ts";
import { GrantFile } from "../../packages/gate/src/vault/grant-file.ts";
import type { GrantStore } from "../../packages/gate/src/vault/grants.ts";
import { SealedVault } from "../../packages/gate/src/vault/sealed/sealed-vault.ts";
import { eventually, openSharedState, type SharedState, temporaryDirectory } from "./shared-state.ts";

const fixed: Clock = { now: () => 1_800_000_000_000 };

interface Implementation {
  readonly name: string;
  credentials(t: TestContext): CredentialStore;
  grants(t: TestContext): GrantStore;
  budgets(t: TestContext, rules: readonly BudgetRule[], clock: Clock): () => Budgets;
  rates(t: TestContext, limits: RateLimits, clock: Clock): () => Rates;
}

function sharedBudgets(
  shared: SharedState,
  node: string,
  rules: readonly BudgetRule[],
  clock: Clock = systemClock,
  path = join(temporaryDirectory(), "usage.db"),
) {
  return new SharedBudgets({
    ledger: BudgetLedger.open(path, clock),
    allowances: shared.of(node).allowances,
    ...{ node, clock, log: silentLogger, rules },
  });
}

function sharedRates(shared: SharedState, limits: RateLimits, clock: Clock) {
  return new SharedRateLimiter({ buckets: shared.of("a").buckets, clock, log: silentLogger, limits });
}

const implementations: readonly Implementation[] = [
  {
    name: "files",
    credentials: () => new CredentialFile(join(temporaryDirectory(), "vault")),
    grants: () => new GrantFile(join(temporaryDirectory(), "vault"), systemClock),
    budgets: (_t, rules, clock) => {
      const path = join(temporaryDirectory(), "usage.db");
      return () => BudgetLedger.open(path, clock, rules);
    },
    rates: (_t, limits, clock) => {
      const path = join(temporaryDirectory(), "rates.json");
      return () => new RateLimiter({ path, clock, log: silentLogger, limits });
    },
  },
  {
    name: "actors",
    credentials: (t) => {
      const { vault, keys } = openSharedState(t).of("a");
      return new SealedVault(vault, keys).credentials;
    },
    grants: (t) => {
      const { vault, keys } = openSharedState(t).of("a");
      return new SealedVault(vault, keys).grants;
    },
    budgets: (t, rules, clock) => {
      const shared = openSharedState(t, clock);
      const path = join(temporaryDirectory(), "usage.db");
      return () => sharedBudgets(shared, "a", rules, clock, path);
    },
    rates: (t, limits, clock) => {
      const shared = openSharedState(t, clock);
      return () => sharedRates(shared, limits, clock);
    },
  },
];

const grantOf = (id: string): Grant => ({
  id,
  principal: { agent: "demo" },
  ...{ secret: "deploy", owner: {}, host: "api.example.com", pathPrefix: "/", methods: ["GET"] },
});

const over = (error: unknown) => isErrorCode(error, "egress", "budget_exceeded");
const tokens = (count: number) => ({ tokens: count, costMicros: 0 });

for (const implementation of implementations) {
  describe(`by ${implementation.name}`, () => {
    test("credentials: the latest value, names, deletion", async (t) => {
      const store = implementation.credentials(t);
      assert.equal(await store.get("anthropic"), undefined);
      assert.equal(await store.delete("anthropic"), false);
      await store.set("anthropic", "first value");
      await store.set("anthropic", "zweiter Wert äöü");
      await store.set('secret [null,null,"x"]', "v".repeat(16_384));
      assert.equal(await store.get("anthropic"), "zweiter Wert äöü");
      assert.equal((await store.get('secret [null,null,"x"]'))?.length, 16_384);
      assert.deepEqual([...(await store.names())].sort(), ["anthropic", 'secret [null,null,"x"]']);
      assert.equal(await store.delete("anthropic"), true);
      assert.equal(await store.get("anthropic"), undefined);
    });

    test("credentials: many, written at once, are all there", async (t) => {
      const store = implementation.credentials(t);
      const names = Array.from({ length: 100 }, (_, n) => `name-${n}`);
      await Promise.all(names.map((name) => store.set(name, `value of ${name}`)));
      assert.deepEqual([...(await store.names())].sort(), [...names].sort());
      for (const name of names) assert.equal(await store.get(name), `value of ${name}`);
    });

    test("grants: added, listed, refused by their number, removed", async (t) => {
      const store = implementation.grants(t);
      assert.deepEqual(await store.all(), []);
      await store.add(grantOf("one"), (count) => assert.equal(count, 0));
      await store.add(grantOf("two"), (count) => assert.equal(count, 1));
      await assert.rejects(
        store.add(grantOf("three"), () => {
          throw new Error("too many");
        }),
        /too many/,
      );
      const byId = (grants: readonly Grant[]) => grants.map(({ id }) => id).sort();
      assert.deepEqual(byId(await store.all()), ["one", "two"]);
      assert.deepEqual(await store.all(), await store.all());
      assert.equal(await store.remove("one"), true);
      assert.equal(await store.remove("one"), false);
      assert.deepEqual(await store.all(), [grantOf("two")]);
    });

    test("budgets: a call that might exceed one is refused, and what is not used is free again", async (t) => {
      const rules: BudgetRule[] = [{ scope: "user", period: "day", tokens: 100 }];
      const budgets = implementation.budgets(t, rules, fixed)();
      const ada = { user: "ada" };
      const first = await budgets.reserve(ada, tokens(60));
      await assert.rejects(async () => budgets.reserve(ada, tokens(41)), over);
      await budgets.reserve({ user: "bob" }, tokens(100));
      budgets.settle(first, tokens(10));
      const second = await budgets.reserve(ada, tokens(90));
      budgets.settle(second, undefined);
      budgets.charge(ada, tokens(5));
      await assert.rejects(async () => budgets.reserve(ada, tokens(86)), over);
      budgets.settle(await budgets.reserve(ada, tokens(85)), tokens(85));
      await assert.rejects(async () => budgets.reserve(ada, tokens(1)), over);
      const [shown] = (await budgets.status()).filter(({ subject }) => subject === "ada");
      assert.deepEqual([shown?.spent.tokens, shown?.reserved.tokens], [100, 0]);
      await budgets.close();
    });

    test("budgets: of many calls at once, those that fit are admitted", async (t) => {
      const rules: BudgetRule[] = [
        { scope: "session", period: "always", tokens: 1_000 },
        { scope: "host", period: "month", tokens: 700 },
      ];
      const budgets = implementation.budgets(t, rules, fixed)();
      const calls = Array.from({ length: 40 }, async () => budgets.reserve({ session: "s" }, tokens(30)));
      const outcomes = await Promise.allSettled(calls);
      const admitted = outcomes.filter(({ status }) => status === "fulfilled").length;
      assert.equal(admitted, 23);
      await budgets.close();
    });

    test("budgets: outlive a restart, with calls that never ended", async (t) => {
      const rules: BudgetRule[] = [{ scope: "user", period: "always", tokens: 100 }];
      const open = implementation.budgets(t, rules, fixed);
      const first = open();
      first.settle(await first.reserve({ user: "ada" }, tokens(30)), tokens(30));
      await first.reserve({ user: "ada" }, tokens(40));
      await first.close();
      const second = open();
      await assert.rejects(async () => second.reserve({ user: "ada" }, tokens(31)), over);
      await second.reserve({ user: "ada" }, tokens(30));
      await second.close();
    });

    test("rates: a burst, a refusal with its wait, a refill", async (t) => {
      const time = { now: 1_800_000_000_000 };
      const clock = { now: () => time.now };
      const limits: RateLimits = { jail: {}, tool: {}, user: { calls: { perMinute: 60, burst: 20 } } };
      const rates = implementation.rates(t, limits, clock)();
      const ada = { jailId: "j", session: "s", group: "g", user: "ada" };
      for (let n = 0; n < 20; n++) assert.equal(await rates.take(ada, "tool", 1), undefined);
      const limited = await rates.take(ada, "tool", 1);
      assert.deepEqual([limited?.scope, limited?.unit, limited?.retryAfterMs], ["user", "calls", 1_000]);
      assert.equal(await rates.take({ ...ada, user: "bob" }, "tool", 1), undefined);
      time.now += 1_000;
      assert.equal(await rates.take(ada, "tool", 1), undefined);
      assert.notEqual(await rates.take(ada, "tool", 1), undefined);
      await rates.close();
    });

    test("rates: costs may go into debt, and are known after a restart", async (t) => {
      const limits: RateLimits = { jail: {}, tool: {}, user: { money: { perMinute: 60, burst: 100 } } };
      const open = implementation.rates(t, limits, fixed);
      const ada = { session: "s", user: "ada" };
      const first = open();
      assert.equal(await first.spent(ada), undefined);
      first.spend(ada, 150);
      assert.equal((await first.spent(ada))?.unit, "money");
      await first.close();
      const second = open();
      const limited = await second.spent(ada);
      assert.equal(limited?.scope, "user");
      assert.ok((limited?.retryAfterMs ?? 0) >= 50_000);
      await second.close();
    });
  });
}

describe("budgets of several nodes", () => {
  const rules: BudgetRule[] = [{ scope: "organization", period: "always", tokens: 10_000 }];
  const acme = { organization: "acme" };

  test("two nodes that spend as fast as they can stop at the limit together", async (t) => {
    const shared = openSharedState(t);
    const nodes = ["a", "b"].map((node) => sharedBudgets(shared, node, rules));
    const spent = { a: 0, b: 0, total: 0 };
    await Promise.all(
      nodes.map(async (budgets, index) => {
        for (;;) {
          const refused = await budgets.reserve(acme, tokens(37)).then(
            (reservation) => {
              budgets.settle(reservation, tokens(37));
              spent[index === 0 ? "a" : "b"] += 37;
              spent.total += 37;
            },
            (error: unknown) => error,
          );
          if (refused === undefined) continue;
          assert.ok(over(refused), String(refused));
          return;
        }
      }),
    );
    assert.ok(spent.total <= 10_000, `${spent.total}`);
    // Neither leaves more than one call unused: the last shares are small.
    assert.ok(spent.total > 10_000 - 2 * 37 - 10, `${spent.total}`);
    assert.ok(spent.a > 0 && spent.b > 0);
  });

  test("most calls ask nobody", async (t) => {
    const shared = openSharedState(t);
    let asked = 0;
    const { allowances } = shared.of("a");
    const budgets = new SharedBudgets({
      ledger: BudgetLedger.open(join(temporaryDirectory(), "usage.db"), systemClock),
      allowances: {
        hold: (subject, request) => {
          asked += 1;
          return allowances.hold(subject, request);
        },
      },
      ...{ node: "a", clock: systemClock, log: silentLogger, rules },
    });
    for (let n = 0; n < 100; n++) budgets.settle(await budgets.reserve(acme, tokens(10)), tokens(10));
    assert.ok(asked <= 4, `${asked} requests for 100 calls`);
  });

  test("what a killed node held counts as used, until its ledger is opened again", async (t) => {
    const shared = openSharedState(t);
    const path = join(temporaryDirectory(), "usage.db");
    const killed = sharedBudgets(shared, "a", rules, systemClock, path);
    killed.settle(await killed.reserve(acme, tokens(1_000)), tokens(1_000));
    // It holds 1,500 and never returns the rest.
    const other = sharedBudgets(shared, "b", rules);
    await assert.rejects(other.reserve(acme, tokens(8_501)), over);
    // A node of that name without the ledger cannot know what was used.
    const empty = sharedBudgets(shared, "a", rules);
    await assert.rejects(empty.reserve(acme, tokens(8_501)), over);
    const again = sharedBudgets(shared, "a", rules, systemClock, path);
    again.settle(await again.reserve(acme, tokens(1)), undefined);
    await again.leave();
    await other.reserve(acme, tokens(9_000));
  });

  test("an idle node returns what it holds", async (t) => {
    const shared = openSharedState(t);
    const time = { now: systemClock.now() };
    const idle = sharedBudgets(shared, "a", rules, { now: () => time.now });
    const running = await idle.reserve(acme, tokens(1_000));
    const other = sharedBudgets(shared, "b", rules);
    await assert.rejects(other.reserve(acme, tokens(9_000)), over);
    time.now += 11_000;
    await eventually("the rest is returned", () =>
      other.reserve(acme, tokens(9_000)).then(
        (reservation) => {
          other.settle(reservation, undefined);
          return true;
        },
        () => false,
      ),
    );
    // The running call keeps what it may use, and only then gives it back.
    await other.leave();
    await assert.rejects(other.reserve(acme, tokens(9_001)), over);
    idle.settle(running, tokens(10));
    time.now += 11_000;
    await eventually("the call's rest is returned", () =>
      other.reserve(acme, tokens(9_990)).then(
        () => true,
        () => false,
      ),
    );
  });

  test("a clock that shows another day gets nothing of that day's budget", async (t) => {
    const daily: BudgetRule[] = [{ scope: "organization", period: "day", tokens: 100 }];
    const noon = Date.UTC(2026, 5, 15, 12);
    const midnight = Date.UTC(2026, 5, 16);
    const at = (now: number) => ({ now: () => now });
    const day = openSharedState(t, at(noon));
    const tomorrow = sharedBudgets(day, "a", daily, at(noon + 86_400_000));
    const differs = (error: unknown) => isErrorCode(error, "egress", "clock_differs");
    await assert.rejects(tomorrow.reserve(acme, tokens(1)), differs);
    const yesterday = sharedBudgets(day, "b", daily, at(noon - 86_400_000));
    await assert.rejects(yesterday.reserve(acme, tokens(1)), differs);
    // Hours within the day do not matter, and seconds around midnight neither.
    await sharedBudgets(day, "c", daily, at(noon + 5 * 3_600_000)).reserve(acme, tokens(1));
    await sharedBudgets(openSharedState(t, at(midnight - 1)), "d", daily, at(midnight + 50_000)).reserve(
      acme,
      tokens(1),
    );
  });

  test("a count that does not answer admits nothing beyond what is held", async (t) => {
    const shared = openSharedState(t);
    const { allowances } = shared.of("a");
    let answers = true;
    const budgets = new SharedBudgets({
      ledger: BudgetLedger.open(join(temporaryDirectory(), "usage.db"), systemClock),
      allowances: {
        hold: (subject, request) =>
          answers ? allowances.hold(subject, request) : Promise.reject(new Error("no answer")),
      },
      ...{ node: "a", clock: systemClock, log: silentLogger, rules },
    });
    await budgets.reserve(acme, tokens(10));
    answers = false;
    await budgets.reserve(acme, tokens(400));
    await assert.rejects(budgets.reserve(acme, tokens(400)), (error) =>
      isErrorCode(error, "egress", "budget_unavailable"),
    );
  });
});

describe("rates of several nodes", () => {
  const limits: RateLimits = { jail: {}, tool: {}, user: { calls: { perMinute: 1, burst: 100 } } };
  const ada = { jailId: "j", session: "s", group: "g", user: "ada" };

  test("two nodes share one burst, also when one returns its share", async (t) => {
    const shared = openSharedState(t, fixed);
    const [a, b] = [sharedRates(shared, limits, fixed), sharedRates(shared, limits, fixed)];
    let admitted = 0;
    const call = async (rates: Rates) => {
      const limited = await rates.take(ada, "tool", 1);
      if (limited === undefined) admitted += 1;
      return limited === undefined;
    };
    await call(a);
    while (await call(b));
    assert.equal(admitted, 91, "the other holds nine");
    await a.close();
    while (await call(b));
    assert.equal(admitted, 100);
  });

  test("a session that moves takes its use along", async (t) => {
    const shared = openSharedState(t, fixed);
    const own: RateLimits = { tool: { calls: { perMinute: 1, burst: 10 } } };
    const first = sharedRates(shared, own, fixed);
    for (let n = 0; n < 10; n++) assert.equal(await first.take(ada, "tool", 1), undefined);
    await first.close();
    const second = sharedRates(shared, own, fixed);
    assert.equal((await second.take(ada, "tool", 1))?.scope, "tool");
    assert.equal(await second.take(ada, "another", 1), undefined);
  });
});
