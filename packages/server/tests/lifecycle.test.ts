import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ActorStore, actor, queue } from "@holdfast/actors";
import { decodeValue, HoldfastError, isErrorCode, systemPorts, UserError } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { faultyStore } from "@holdfast/testing";
import { allActors } from "@holdfast/testing/actors";
import { testStore } from "@holdfast/testing/backends";
import { clientOfActor, Directory } from "../src/index.ts";
import { serve, storedRegistry, temporaryDirectory } from "./support.ts";

const increment = { name: "increment", args: [] };

/** An actor that counts what happens to it, outside of itself. */
function observed(options: { readonly failCreates?: number } = {}) {
  const seen = { creates: 0, wakes: 0, sleeps: 0, destroys: 0, live: 0, most: 0 };
  const definition = actor({
    createState: async () => {
      seen.creates += 1;
      // Gives others the time to arrive while it is being made.
      await new Promise((resolve) => setImmediate(resolve));
      if (seen.creates <= (options.failCreates ?? 0)) throw new UserError("Not today");
      return { count: 0 };
    },
    onWake: async () => {
      seen.wakes += 1;
      seen.live += 1;
      seen.most = Math.max(seen.most, seen.live);
      await new Promise((resolve) => setImmediate(resolve));
    },
    onSleep: async () => {
      seen.sleeps += 1;
      await new Promise((resolve) => setImmediate(resolve));
      seen.live -= 1;
    },
    onDestroy: async () => {
      seen.destroys += 1;
      await new Promise((resolve) => setImmediate(resolve));
      seen.live -= 1;
    },
    actions: {
      increment: (c) => {
        c.state.count += 1;
        return c.state.count;
      },
      get: (c) => c.state.count,
      id: (c) => c.actorId,
      sleep: (c) => c.sleep(),
      destroy: (c) => c.destroy(),
    },
  });
  return { definition, seen };
}

describe("one instance", () => {
  test("a hundred first calls at once make one actor", async (t) => {
    const { definition, seen } = observed();
    const { client, registry } = await serve(t, { observed: definition });
    const remote = client();
    const counts = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        (i % 2 === 0 ? remote : registry.client).observed.getOrCreate("a").increment(),
      ),
    );
    assert.deepEqual(
      counts.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.deepEqual([seen.creates, seen.wakes, seen.most], [1, 1, 1]);
  });

  test("of many creates one wins, the others hear of the duplicate", async (t) => {
    const { definition, seen } = observed();
    const { client } = await serve(t, { observed: definition });
    const remote = client();
    const made = await Promise.allSettled(Array.from({ length: 20 }, () => remote.observed.create("a")));
    assert.equal(made.filter((each) => each.status === "fulfilled").length, 1);
    for (const each of made) {
      if (each.status === "rejected") assert.ok(isErrorCode(each.reason, "actor", "duplicate_key"));
    }
    assert.equal(seen.creates, 1);
  });

  test("a first call that meets a create takes the actor that is there", async () => {
    const { definition } = observed();
    const data = createMemoryStore({ ports: systemPorts() });
    const asked: (() => void)[] = [];
    let holds = false;
    // Each answer waits until both callers are on their way.
    const store = Object.assign(faultyStore(data), {
      find: async (name: string, key: readonly string[]) => {
        const record = await data.find(name, key);
        if (holds) await new Promise<void>((resolve) => asked.push(resolve));
        return record;
      },
    });
    const ports = systemPorts();
    const messageLimits = { maxIncomingBytes: 65_536, maxOutgoingBytes: 65_536 };
    const directory = new Directory({
      definitions: { observed: definition },
      store,
      ports,
      messageLimits,
      clientFor: clientOfActor,
    });
    const target = { type: "getOrCreate", name: "observed", key: ["a"] } as const;
    await directory.invoke(target, { name: "increment", args: [] });
    await directory.sleep((await directory.resolve(target)).id);
    holds = true;
    const made = directory.create("observed", ["a"], undefined);
    const called = directory.invoke(target, { name: "increment", args: [] });
    assert.equal(asked.length, 0);
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    holds = false;
    asked[0]?.();
    await assert.rejects(made, (error) => isErrorCode(error, "actor", "duplicate_key"));
    assert.equal(decodeValue(await called), 2);
    await directory.shutdown();
  });

  test("a creation that lands late, after it was looked for, takes the callers of the other one", async () => {
    const { definition } = observed();
    const ports = systemPorts();
    const data = createMemoryStore({ ports });
    const messageLimits = { maxIncomingBytes: 65_536, maxOutgoingBytes: 65_536 };
    const over = (store: ActorStore) =>
      new Directory({
        definitions: { observed: definition },
        store,
        ports,
        messageLimits,
        clientFor: clientOfActor,
      });
    const first = over(faultyStore(data));
    for (const key of ["called", "created"]) {
      await first.create("observed", [key], undefined);
    }
    await first.invoke({ type: "getOrCreate", name: "observed", key: ["called"] }, increment);
    // As if those creations were still on their way when it is asked.
    const asked = new Set<string>();
    const late = over(
      Object.assign(faultyStore(data), {
        find: async (name: string, key: readonly string[]) => {
          const known = asked.has(String(key));
          asked.add(String(key));
          return known ? await data.find(name, key) : undefined;
        },
      }),
    );
    const target = { type: "getOrCreate", name: "observed", key: ["called"] } as const;
    // A client sends the call again after this one.
    await assert.rejects(late.invoke(target, increment), (error) => isErrorCode(error, "actor", "fenced"));
    assert.equal(decodeValue(await late.invoke(target, increment)), 2);
    await assert.rejects(late.create("observed", ["created"], undefined), (error) =>
      isErrorCode(error, "actor", "duplicate_key"),
    );
    await Promise.all([first, late].map((directory) => directory.shutdown()));
  });

  test("an actor that is destroyed between being found and being acquired is looked for again", async () => {
    const { definition } = observed();
    const ports = systemPorts();
    const notFound = new HoldfastError("actor", "not_found", "It was destroyed");
    const store = faultyStore(createMemoryStore({ ports }), [
      { operation: "acquire", nth: 1, when: "before", error: notFound },
    ]);
    const messageLimits = { maxIncomingBytes: 65_536, maxOutgoingBytes: 65_536 };
    const directory = new Directory({
      definitions: { observed: definition },
      store,
      ports,
      messageLimits,
      clientFor: clientOfActor,
    });
    const target = { type: "getOrCreate", name: "observed", key: ["a"] } as const;
    assert.equal(decodeValue(await directory.invoke(target, increment)), 1);
    await directory.sleep((await directory.resolve(target)).id);
    assert.equal(decodeValue(await directory.invoke(target, increment)), 2);
    assert.equal(store.calls("acquire"), 2);
    await directory.shutdown();
  });

  test("a creation that fails leaves nothing, and the next try succeeds", async (t) => {
    const { definition, seen } = observed({ failCreates: 1 });
    const { client, registry } = await serve(t, { observed: definition });
    const handle = client().observed.getOrCreate("a");
    await assert.rejects(handle.increment(), (error) => isErrorCode(error, "user", "user_error"));
    const directory = await registry.directory();
    assert.equal((await directory.store.list({ limit: 1 })).actors.length, 0);
    assert.equal(directory.size, 0);
    await assert.rejects(client().observed.get("a").get(), (error) =>
      isErrorCode(error, "actor", "not_found"),
    );
    assert.equal(await handle.increment(), 1);
    assert.equal(seen.creates, 2);
  });

  test("a start that fails at once is told to whoever comes, by any way", { timeout: 30_000 }, async (t) => {
    const never = actor({
      state: {},
      queues: { jobs: queue<string>() },
      // Synchronous on purpose: the instance is out of memory again before it is asked for anything.
      onMigrate: () => {
        throw new UserError("Not today", { code: "not_today" });
      },
      onRequest: () => new Response("served"),
      onWebSocket: () => {},
      actions: { hi: () => "hi" },
    });
    const { client } = await serve(t, { never });
    const refused = { group: "user", code: "not_today" };
    const handle = client().never.getOrCreate("a");
    await assert.rejects(handle.hi(), refused);
    await assert.rejects(handle.connect().hi(), refused);
    assert.equal((await handle.fetch("/x")).status, 400);
    await assert.rejects(handle.send("jobs", "x"), refused);
    const socket = await handle.webSocket("/x");
    const closed = await new Promise<string>((resolve) => {
      socket.addEventListener("close", (event) => resolve(event.reason));
    });
    assert.equal(closed, "user.not_today");
  });

  test("calls that arrive while it sleeps and wakes lose nothing", { timeout: 60_000 }, async (t) => {
    const { definition, seen } = observed();
    const { client, registry } = await serve(t, { observed: definition });
    const remote = client().observed.getOrCreate("a");
    const local = registry.client.observed.getOrCreate("a");
    const connection = remote.connect();
    const increments = 300;
    const results = await Promise.all(
      Array.from({ length: increments }, async (_, i) => {
        await new Promise((resolve) => setTimeout(resolve, i % 60));
        if (i % 10 === 0) await local.sleep();
        return [remote, local, connection][i % 3]?.increment() ?? assert.fail();
      }),
    );
    assert.equal(new Set(results).size, increments, "no increment was lost or run twice");
    assert.equal(await remote.get(), increments);
    assert.ok(seen.sleeps > 0, "it slept in between");
    assert.equal(seen.most, 1, "there was never a second instance");
    assert.equal(seen.creates, 1);
    await connection.dispose();
  });
});

describe("destruction", () => {
  test("a destroyed actor is gone; its key is free; ids are not used again", async (t) => {
    const { client, registry } = await serve(t, allActors);
    const handle = client().counter.getOrCreate("a", { createWithInput: { start: 5 } });
    const first = await handle.id();
    assert.equal(await handle.increment(1), 6);
    await handle.destroy();
    await assert.rejects(client().counter.getForId(first).get(), (error) =>
      isErrorCode(error, "actor", "not_found"),
    );
    await assert.rejects(client().counter.get("a").get(), (error) =>
      isErrorCode(error, "actor", "not_found"),
    );
    assert.equal(await handle.get(), 5, "the handle makes it again, with its input");
    assert.notEqual(await handle.id(), first);
    await (await registry.directory()).destroy({ type: "get", name: "counter", key: ["a"] });
    assert.equal((await client().counter.create("a")) && (await client().counter.get("a").get()), 0);
  });

  test("calls that race with destruction get an answer of one life or the other", {
    timeout: 60_000,
  }, async (t) => {
    const { definition, seen } = observed();
    const { client, registry } = await serve(t, { observed: definition });
    const remote = client();
    const lives = new Set<string>();
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        await new Promise((resolve) => setTimeout(resolve, i % 40));
        if (i % 20 === 0) return registry.client.observed.getOrCreate("a").destroy();
        if (i % 2 === 0) return lives.add(await remote.observed.getOrCreate("a").id());
        return remote.observed
          .get("a")
          .increment()
          .catch((error: unknown) => assert.ok(isErrorCode(error, "actor", "not_found"), String(error)));
      }),
    );
    assert.ok(seen.destroys > 0);
    assert.equal(seen.most, 1, "there was never a second instance");
    const alive = (await (await registry.directory()).store.list({ limit: 10 })).actors;
    assert.ok(alive.length <= 1);
  });
});

describe("destruction", () => {
  const definition = actor({
    state: { count: 0 },
    actions: {
      increment: (c) => {
        c.state.count += 1;
      },
      get: (c) => c.state.count,
    },
  });

  test("one whose last commit fails is told, and does it when it is asked for again", async () => {
    const ports = systemPorts();
    const store = faultyStore(createMemoryStore({ ports }));
    const messageLimits = { maxIncomingBytes: 65_536, maxOutgoingBytes: 65_536 };
    const directory = new Directory({
      definitions: { observed: definition },
      store,
      ports,
      messageLimits,
      clientFor: clientOfActor,
    });
    const target = { type: "getOrCreate", name: "observed", key: ["a"] } as const;
    await directory.invoke(target, increment);
    store.plan({ operation: "commit", nth: store.calls("commit") + 1, when: "before" });
    const refused = directory.destroy({ ...target, type: "get" });
    await assert.rejects(refused, (error) => isErrorCode(error, "actor", "not_destroyed"));
    assert.equal(decodeValue(await directory.invoke(target, { name: "get", args: [] })), 1);
    await directory.destroy({ ...target, type: "get" });
    assert.equal(await store.find("observed", ["a"]), undefined);
    await directory.shutdown();
  });
});

describe("shutdown", () => {
  test("running calls are answered, actors sleep, later calls are told to retry", async (t) => {
    const { definition, seen } = observed();
    const { registry, url, client } = await serve(t, { observed: definition });
    const handle = client().observed.getOrCreate("a");
    assert.equal(await handle.increment(), 1);
    const directory = await registry.directory();
    const running = registry.client.observed.get("a").increment();
    await new Promise((resolve) => setImmediate(resolve));
    const closing = registry.shutdown();
    const late = await fetch(`${url}/actors/observed/@a,/actions/get`, { method: "POST" }).catch(
      () => undefined,
    );
    // A node passes requests on until it has handed over its actors.
    if (late !== undefined && testStore === "sqlite") assert.equal(late.status, 503);
    const result = await running.catch((error: unknown) => error);
    assert.ok(
      result === 2 ||
        isErrorCode(result, "gateway", "shutting_down") ||
        isErrorCode(result, "actor", "stopping"),
    );
    await closing;
    assert.equal(directory.size, 0);
    assert.equal(seen.sleeps, 1);
    await assert.rejects(fetch(`${url}/health`));
    await assert.rejects(registry.listen({ port: 0 }), (error) =>
      isErrorCode(error, "gateway", "shutting_down"),
    );
    await registry.shutdown();
  });

  test("what was acknowledged is there after a restart", async (t) => {
    const directory = temporaryDirectory(t);
    const first = storedRegistry(allActors, directory);
    assert.equal(await first.client.counter.getOrCreate("a").increment(3), 3);
    const id = await first.client.counter.get("a").resolve();
    await first.shutdown();
    const second = storedRegistry(allActors, directory);
    t.after(() => second.shutdown());
    assert.equal(await second.client.counter.get("a").increment(1), 4);
    assert.equal(await second.client.counter.get("a").resolve(), id);
  });

  test("a key that was used before a restart does not run its call again", async (t) => {
    const directory = temporaryDirectory(t);
    const first = storedRegistry(allActors, directory);
    const call = { name: "increment", args: [5], idempotencyKey: "once" };
    assert.equal(await first.client.counter.getOrCreate("a").action(call), 5);
    await first.shutdown();
    const second = storedRegistry(allActors, directory);
    t.after(() => second.shutdown());
    assert.equal(await second.client.counter.get("a").action(call), 5);
    assert.equal(await second.client.counter.get("a").get(), 5);
  });
});
