/** `stateSchema` validates changes at the commit of each turn, and at the end of a transaction. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode, type StandardSchema } from "@holdfast/core";
import { call, turn, world } from "./harness.ts";

interface Account {
  balance: number;
  held?: number;
}

function schema(asked: { times: number }, isLate = false): StandardSchema<unknown, Account> {
  const issues = [{ message: "the balance is negative", path: ["balance"] }];
  const check = (value: unknown) => {
    asked.times++;
    return (value as Account).balance >= 0 ? { value: value as Account } : { issues };
  };
  const validate = isLate ? (value: unknown) => turn().then(() => check(value)) : check;
  return { "~standard": { version: 1, vendor: "test", validate } };
}

function account(asked: { times: number }, isLate = false) {
  return actor({
    stateSchema: schema(asked, isLate),
    state: { balance: 10 } as Account,
    actions: {
      get: async (c) => ({ ...c.state, log: await c.kv.get("log") }),
      read: (c) => c.state.balance,
      take: async (c, amount: number) => {
        await c.kv.put("log", `took ${amount}`);
        c.state.balance -= amount;
        return c.state.balance;
      },
      overdraw: (c, amount: number) => {
        c.state.balance -= amount;
        c.state.balance += amount - 1;
      },
      takeTogether: (c, amount: number) =>
        c.transaction(async () => {
          await c.kv.put("log", `took ${amount} together`);
          c.state.balance -= amount;
        }),
      end: (c) => {
        c.destroy();
        c.state.balance = -1;
      },
    },
  });
}

const refused = (error: unknown): boolean => {
  assert.ok(isErrorCode(error, "actor", "invalid_state"));
  assert.deepEqual(error.metadata, { issues: [{ message: "the balance is negative", path: ["balance"] }] });
  return true;
};

describe("a change that stateSchema rejects", () => {
  test("fails the call; its turn is discarded, and the actor continues from the last valid state", async () => {
    const w = world();
    const definition = account({ times: 0 });
    const instance = w.create(definition);
    assert.equal(await call(instance, "take", 4), 6);
    const commits = w.store.commits.length;
    await assert.rejects(call(instance, "take", 7), refused);
    assert.equal(w.store.commits.length, commits);
    const again = await w.wake(definition);
    assert.deepEqual(await call(again, "get"), { balance: 6, log: "took 4" });
    assert.equal(await call(again, "take", 6), 0);
  });

  test("matters only at the end of the turn: intermediate states are not validated", async () => {
    const w = world();
    const instance = w.create(account({ times: 0 }));
    await call(instance, "overdraw", 100);
    assert.equal(await call(instance, "read"), 9);
  });

  test("rolls back its transaction, and the actor stays awake", async () => {
    for (const isLate of [false, true]) {
      const w = world();
      const instance = w.create(account({ times: 0 }, isLate));
      await call(instance, "takeTogether", 4);
      await assert.rejects(call(instance, "takeTogether", 7), refused);
      assert.deepEqual(await call(instance, "get"), { balance: 6, log: "took 4 together" });
    }
  });

  test("prevents the creation if made in onCreate; the last state of a destroyed actor is not validated", async () => {
    const w = world();
    const asked = { times: 0 };
    const bad = actor({
      stateSchema: schema(asked),
      state: { balance: 0 } as Account,
      onCreate: (c) => void c.state.balance--,
      actions: { read: (c) => c.state.balance },
    });
    await assert.rejects(call(w.create(bad), "read"), refused);
    assert.equal(await w.store.get("a"), undefined);
    const instance = w.create(account(asked), undefined, "b");
    await call(instance, "end");
    assert.equal(await instance.stopped, "destroyed");
  });
});

test("stateSchema runs once per changed turn, not for reads, and never again if it is asynchronous", async () => {
  const w = world();
  const asked = { times: 0 };
  const instance = w.create(account(asked));
  await call(instance, "read");
  assert.equal(asked.times, 1);
  await call(instance, "take", 1);
  assert.equal(asked.times, 2);
  await call(instance, "read");
  assert.equal(asked.times, 2);
  const late = { times: 0 };
  const other = w.create(account(late, true), undefined, "b");
  for (let i = 0; i < 3; i++) await call(other, "take", 1);
  await turn();
  assert.equal(late.times, 2);
  assert.equal(await call(other, "read"), 7);
});

test("a turn in commit when the next one is rejected succeeds, and its caller gets the result", async () => {
  const w = world();
  const definition = account({ times: 0 });
  const instance = w.create(definition);
  await instance.ready;
  await call(instance, "read");
  w.store.hold = true;
  const good = call(instance, "take", 1);
  await turn();
  assert.equal(w.store.held.length, 1);
  const bad = call(instance, "take", 100);
  await turn();
  w.store.hold = false;
  for (const { land } of w.store.held) land();
  assert.equal(await good, 9);
  await assert.rejects(bad, refused);
  assert.equal(await instance.stopped, "failed");
  assert.deepEqual(await call(await w.wake(definition), "get"), { balance: 9, log: "took 1" });
});
