import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, event } from "@holdfast/actors";
import { isErrorCode, systemPorts, UserError } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { faultyStore } from "@holdfast/testing";
import { createRegistry, type Registry } from "../src/index.ts";
import { Condition, serve } from "./support.ts";

const stranger = new UserError("No", { code: "stranger", cause: new Error("secret detail") });

const account = actor({
  createState: (_c, input: number | undefined) => ({ balance: input ?? 0, seen: [] as unknown[] }),
  events: { changed: event<number>() },
  onBeforeConnect: (_c, params: unknown) => {
    if (params === "stranger") throw stranger;
  },
  actions: {
    deposit: (c, amount: number) => {
      c.state.balance += amount;
      c.broadcast("changed", c.state.balance);
      return c.state.balance;
    },
    balance: (c) => c.state.balance,
    connected: (c) => c.conns.size,
    remember: (c, value: unknown[]) => {
      value.push("changed by the callee");
      c.state.seen = value;
    },
    fail: () => {
      throw new Error("secret detail");
    },
  },
});

type Bank = Registry<{ readonly account: typeof account }>;

const teller = actor({
  state: { moved: 0, heard: [] as number[] },
  actions: {
    transfer: async (c, to: string, amount: number): Promise<number> => {
      c.state.moved += amount;
      return c.client<Bank>().account.getOrCreate(to).deposit(amount);
    },
    open: async (c, name: string, balance: number): Promise<number> => {
      return c.client<Bank>().account.getOrCreate(name, { createWithInput: balance }).balance();
    },
    moved: (c) => c.state.moved,
    copies: async (c) => {
      const mine: unknown[] = [1];
      const sent = c.client<Bank>().account.getOrCreate("copy").remember(mine);
      mine.push("changed by the caller");
      await sent;
      return mine;
    },
    fails: async (c) => c.client<Bank>().account.getOrCreate("fail").fail(),
    listen: async (c, to: string): Promise<number[]> => {
      const conn = c.client<Bank>().account.getOrCreate(to).connect();
      const heard: number[] = [];
      const changed = new Condition();
      conn.on("changed", (balance) => {
        heard.push(balance);
        changed.changed();
      });
      await conn.deposit(1);
      await conn.deposit(2);
      await changed.until(() => heard.length === 2);
      await conn.dispose();
      return heard;
    },
    within: async (c, to: string): Promise<number> => {
      const conn = c.client<Bank>().account.getOrCreate(to).connect();
      await conn.ready;
      const early = c.transaction(() => conn.deposit(1));
      await assert.rejects(early, (error) => isErrorCode(error, "actor", "output_in_transaction"));
      let heard = 0;
      await c.transaction(() => {
        conn.on("changed", (balance) => {
          heard = balance;
        });
      });
      await conn.deposit(5);
      await conn.dispose();
      return heard;
    },
    over: async (c, to: string, amount: number): Promise<number> => {
      const conn = c.client<Bank>().account.getOrCreate(to).connect();
      await conn.ready;
      c.state.moved += amount;
      const balance = await conn.deposit(amount);
      await conn.dispose();
      return balance;
    },
    refused: async (c) => {
      const handle = c.client<Bank>().account.getOrCreate("ann", { params: "stranger" });
      const failed = async (work: Promise<unknown>): Promise<unknown> =>
        work.then(
          () => assert.fail("it was let in"),
          (error: unknown) => error,
        );
      const errors = [await failed(handle.balance()), await failed(handle.connect().balance())];
      return errors.map((error) => [
        isErrorCode(error, "user", "stranger"),
        error instanceof UserError,
        error instanceof Error && error.cause === undefined,
      ]);
    },
    disposes: async (c, times: number): Promise<number> => {
      const client = c.client<Bank>();
      const handle = client.account.getOrCreate("ann");
      const balance = await handle.balance();
      await client.dispose();
      await assert.rejects(handle.balance(), (error) => isErrorCode(error, "client", "disposed"));
      return times > 1 ? c.client<Bank>().account.getOrCreate("ann").balance() : balance;
    },
    tooLong: async (c) =>
      c
        .client<Bank>()
        .account.getOrCreate("x")
        .remember(["x".repeat(70_000)]),
  },
});

describe("actor to actor", () => {
  test("calls, creates with input, connects", async (t) => {
    const { client } = await serve(t, { account, teller });
    const handle = client().teller.getOrCreate();
    assert.equal(await handle.open("ann", 100), 100);
    assert.equal(await handle.transfer("ann", 5), 105);
    assert.equal(await client().account.get("ann").balance(), 105);
    assert.deepEqual(await handle.listen("ann"), [106, 108]);
  });

  test("values are copied, limits hold, inner errors stay inside", async (t) => {
    const { client } = await serve(t, { account, teller });
    const handle = client().teller.getOrCreate();
    assert.deepEqual(await handle.copies(), [1, "changed by the caller"]);
    await assert.rejects(handle.tooLong(), (error) => isErrorCode(error, "message", "incoming_too_long"));
    await assert.rejects(handle.fails(), (error) => {
      assert.ok(isErrorCode(error, "internal", "internal_error"));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });

  test("what refuses a caller reaches it as over a network: without its class and its cause", async (t) => {
    const { client } = await serve(t, { account, teller });
    assert.deepEqual(await client().teller.getOrCreate().refused(), [
      [true, false, true],
      [true, false, true],
    ]);
  });

  test("each error tells of the actor that threw it, also where all throw the same constant", async (t) => {
    const { client } = await serve(t, { account });
    const keys = ["ann", "bob"].map(async (key) => {
      const handle = client().account.getOrCreate(key, { params: "stranger" });
      const error = await handle.balance().then(
        () => assert.fail("it was let in"),
        (thrown: unknown) => thrown,
      );
      assert.ok(isErrorCode(error, "user", "stranger"));
      return error.actor?.key;
    });
    assert.deepEqual(await Promise.all(keys), [["ann"], ["bob"]]);
    assert.equal(stranger.actor, undefined);
  });

  test("an actor that disposes of its client gets another", async (t) => {
    const { client } = await serve(t, { account, teller });
    const handle = client().teller.getOrCreate();
    assert.equal(await handle.open("ann", 100), 100);
    assert.equal(await handle.disposes(1), 100);
    assert.equal(await handle.disposes(2), 100);
  });

  test("a call leaves only after the commit that it follows", async (t) => {
    const ports = systemPorts();
    const store = faultyStore(createMemoryStore({ ports }));
    const registry = createRegistry({ use: { account, teller }, ports, store: () => store });
    t.after(() => registry.shutdown());
    const handle = registry.client.teller.getOrCreate();
    assert.equal(await handle.moved(), 0);
    assert.equal(await registry.client.account.getOrCreate("bob").balance(), 0);
    // The turn before the deposit is not committed: the call must not leave. The retry makes both.
    store.plan({ operation: "commit", nth: store.calls("commit") + 1, when: "before" });
    assert.equal(await handle.transfer("bob", 5), 5);
    assert.equal(await handle.moved(), 5);
    assert.equal(await registry.client.account.get("bob").balance(), 5);
  });

  test("a call while the server shuts down ends at once, and does not keep its actor from stopping", {
    timeout: 20_000,
  }, async () => {
    const begun = Promise.withResolvers<void>();
    let failure: unknown;
    const last = actor({
      actions: {
        transfer: async (c) => {
          begun.resolve();
          await new Promise((resolve) => c.abortSignal.addEventListener("abort", resolve));
          failure = await c
            .client<Bank>()
            .account.getOrCreate("ann")
            .balance()
            .catch((error: unknown) => error);
        },
      },
      options: { sleepGracePeriod: 60_000 },
    });
    const registry = createRegistry({
      use: { account, last },
      ports: systemPorts(),
      store: () => createMemoryStore({ ports: systemPorts() }),
    });
    const call = registry.client.last.getOrCreate().transfer();
    await begun.promise;
    await registry.shutdown();
    assert.ok(isErrorCode(failure, "action", "interrupted"), String(failure));
    await call;
  });

  test("a connection refuses a call in a transaction, and goes on", {
    timeout: 20_000,
  }, async (t) => {
    const { client } = await serve(t, { account, teller });
    assert.equal(await client().teller.getOrCreate().within("ann"), 5);
    assert.equal(await client().account.get("ann").balance(), 5);
  });

  test("a connection of a turn that was not committed ends at its other side too", {
    timeout: 20_000,
  }, async (t) => {
    const ports = systemPorts();
    const store = faultyStore(createMemoryStore({ ports }));
    const registry = createRegistry({ use: { account, teller }, ports, store: () => store });
    t.after(() => registry.shutdown());
    const handle = registry.client.teller.getOrCreate();
    assert.equal(await handle.moved(), 0);
    const bob = registry.client.account.getOrCreate("bob");
    assert.equal(await bob.balance(), 0);
    store.plan({ operation: "commit", nth: store.calls("commit") + 1, when: "before" });
    assert.equal(await handle.over("bob", 5), 5);
    // That of the call itself is one.
    for (let connected = 2; connected > 1; ) connected = await bob.connected();
  });
});
