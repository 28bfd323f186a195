import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode, type Logger, type Ports, silentLogger } from "@holdfast/core";
import { call, deferred, outcome, turn, world } from "./harness.ts";

const code = (group: string, name: string) => (error: unknown) => isErrorCode(error, group, name);

describe("run", () => {
  test("runs once per start, after onWake, without delaying readiness", async () => {
    const w = world();
    const log: string[] = [];
    const end = deferred();
    const definition = actor({
      state: { n: 0 },
      onCreate: () => void log.push("onCreate"),
      onWake: () => void log.push("onWake"),
      onSleep: () => void log.push("onSleep"),
      run: async (c) => {
        log.push("run");
        c.state.n++;
        await end.promise;
        log.push("end");
      },
      actions: { get: (c) => c.state.n },
    });
    const instance = w.create(definition);
    await instance.ready;
    assert.deepEqual(log, ["onCreate", "onWake", "run"]);
    assert.equal(await call(instance, "get"), 1);
    const stopped = instance.sleep();
    assert.equal(await outcome(stopped), "pending", "a sleep waits for run");
    end.resolve();
    assert.equal(await stopped, "slept");
    assert.deepEqual(log.splice(0), ["onCreate", "onWake", "run", "onSleep", "end"]);
    assert.equal(await call(await w.wake(definition), "get"), 2);
    assert.deepEqual(log, ["onWake", "run", "end"]);
  });

  test("keeps the actor awake while it runs; after it has returned or thrown, the actor falls asleep", async () => {
    for (const fails of [false, true]) {
      const w = world();
      const end = deferred();
      const definition = actor({
        options: { sleepTimeout: 1_000 },
        run: {
          name: "Work",
          icon: "x",
          run: async () => {
            await end.promise;
            if (fails) throw new Error("broken");
          },
        },
        actions: { ping: () => "pong" },
      });
      const instance = w.create(definition);
      await instance.ready;
      w.ports.advance(60_000);
      assert.equal(instance.status, "ready");
      end.resolve();
      await turn();
      assert.equal(await call(instance, "ping"), "pong");
      assert.equal(w.reported.length, fails ? 1 : 0);
      w.ports.advance(1_000);
      assert.equal(await instance.stopped, "slept");
      assert.equal(definition["~definition"].displayName, "Work");
    }
  });

  test("setWakeAt follows the clock, including jumps", async () => {
    const w = world();
    const runs: number[] = [];
    const definition = actor({
      options: { sleepTimeout: Number.POSITIVE_INFINITY },
      run: async (c) => {
        runs.push(w.ports.clock.now());
        if (runs.length === 1) await c.run.setWakeAt(w.ports.clock.now() + 3_600_000);
      },
    });
    await w.create(definition).ready;
    await turn();
    w.ports.clock.advance(3_600_000);
    w.ports.advance(60_000);
    assert.equal(runs.length, 2);
  });

  test("a wake-up due during a failed transaction happens once, after it", async () => {
    const w = world();
    const go = deferred();
    let runs = 0;
    const definition = actor({
      state: { n: 0 },
      run: async (c) => {
        if (++runs === 1) await c.run.setWakeAt(w.ports.clock.now() + 1_000);
      },
      actions: {
        fail: (c) =>
          c.transaction(async () => {
            c.state.n++;
            await go.promise;
            throw new Error("undone");
          }),
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    await turn();
    const failing = assert.rejects(call(instance, "fail"));
    await turn();
    await turn();
    w.ports.advance(1_000);
    await turn();
    assert.equal(runs, 1);
    go.resolve();
    await failing;
    w.ports.advance(1_000);
    await turn();
    assert.equal(runs, 2);
  });

  test("sees the stop through abortSignal; the grace period limits the wait", async () => {
    const w = world();
    let aborted = false;
    const definition = actor({
      options: { sleepGracePeriod: 100 },
      run: async (c) => {
        c.abortSignal.addEventListener("abort", () => {
          aborted = c.aborted;
        });
        await new Promise(() => {});
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    const stopped = instance.sleep();
    assert.equal(aborted, true);
    assert.equal(await outcome(stopped), "pending");
    w.ports.advance(100);
    assert.equal(await stopped, "slept");
  });

  test("code that requests a stop finishes its synchronous part before its signal aborts", async () => {
    for (const how of ["sleep", "destroy"] as const) {
      const w = world();
      const aborted = deferred();
      const definition = actor({
        actions: {
          stop: async (c) => {
            c.abortSignal.addEventListener("abort", () => aborted.resolve());
            c[how]();
            const before = c.aborted;
            await Promise.resolve();
            const after = c.aborted;
            await aborted.promise;
            return [before, after, c.aborted];
          },
        },
      });
      const instance = w.create(definition);
      assert.deepEqual(await call(instance, "stop"), [false, false, true]);
      assert.equal(await instance.stopped, how === "sleep" ? "slept" : "destroyed");
    }
  });

  test("a second sleep has no effect, a destruction replaces the sleep, and a second destruction has no effect", async () => {
    const w = world();
    const definition = actor({
      actions: {
        sleepTwice: (c) => {
          c.sleep();
          c.sleep();
        },
        destroyTwice: (c) => {
          c.sleep();
          c.destroy();
          c.sleep();
          c.destroy();
        },
      },
    });
    const first = w.create(definition);
    await call(first, "sleepTwice");
    assert.equal(await first.stopped, "slept");
    const second = w.create(definition, undefined, "b");
    await call(second, "destroyTwice");
    assert.equal(await second.stopped, "destroyed");
  });

  test("a destruction does not wait for run, even if it replaces a sleep", async () => {
    const definition = actor({ run: () => new Promise(() => {}) });
    const w = world();
    const instance = w.create(definition);
    await instance.ready;
    assert.equal(await instance.destroy(), "destroyed");
    const other = w.create(definition, undefined, "b");
    await other.ready;
    const stopped = other.sleep();
    assert.equal(await outcome(stopped), "pending");
    void other.destroy();
    assert.equal(await stopped, "destroyed");
  });

  test("setWakeAt: run starts again at the time, awake or asleep, and the store knows it", async () => {
    const w = world();
    const runs: number[] = [];
    const definition = actor({
      options: { sleepTimeout: 1_000 },
      run: (c) => void runs.push(c.state.n),
      state: { n: 0 },
      actions: {
        at: async (c, at: number | null) => {
          c.state.n++;
          await c.run.setWakeAt(at);
        },
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    const now = w.ports.clock.now();
    await call(instance, "at", now + 500);
    assert.equal((await w.store.get("a"))?.wakeAt, now + 500);
    w.ports.advance(500);
    await turn();
    assert.deepEqual(runs, [0, 1]);
    assert.equal((await w.store.get("a"))?.wakeAt, undefined, "it is due once");
    await call(instance, "at", now + 10_000);
    w.ports.advance(2_000);
    assert.equal(await instance.stopped, "slept");
    assert.equal((await w.store.get("a"))?.wakeAt, now + 10_000);
    w.ports.advance(10_000);
    const again = await w.wake(definition);
    await again.ready;
    await turn();
    assert.deepEqual(runs, [0, 1, 2]);
    assert.equal((await w.store.get("a"))?.wakeAt, undefined);
    await call(again, "at", w.ports.clock.now() + 500);
    await call(again, "at", null);
    assert.equal((await w.store.get("a"))?.wakeAt, undefined);
    await assert.rejects(call(again, "at", Number.NaN), code("actor", "invalid_wake_at"));
  });

  test("c.run of an actor without run throws a typed error", async () => {
    const w = world();
    const definition = actor({ actions: { at: (c) => c.run.setWakeAt(1) } });
    await assert.rejects(call(w.create(definition), "at"), code("actor", "run_not_defined"));
  });
});

describe("operations that delay other work", () => {
  test("onMigrate runs before all other hooks and has a timeout", async () => {
    const w = world();
    const log: string[] = [];
    const definition = actor({
      onMigrate: (_c, isNew) => void log.push(`onMigrate ${isNew}`),
      createState: () => {
        log.push("createState");
        return {};
      },
      createVars: (_c, driverContext) => void log.push(`createVars ${driverContext}`),
    });
    const instance = w.create(definition);
    await instance.ready;
    await instance.sleep();
    await (await w.wake(definition)).ready;
    assert.deepEqual(log, [
      "onMigrate true",
      "createState",
      "createVars undefined",
      "onMigrate false",
      "createVars undefined",
    ]);
    const slow = w.create(actor({ onMigrate: () => new Promise<void>(() => {}) }), undefined, "b");
    await turn();
    w.ports.advance(30_000);
    await assert.rejects(slow.ready, code("actor", "callback_timed_out"));
  });

  test("a start hook that stops its own actor fails the start, and callers are not told to wait for it", async () => {
    for (const end of ["sleep", "destroy"] as const) {
      const w = world();
      const instance = w.create(actor({ onWake: (c) => c[end](), actions: { ping: () => 1 } }));
      await assert.rejects(call(instance, "ping"), code("internal", "internal_error"));
      const [error] = w.reported;
      assert.ok(error instanceof Error && isErrorCode(error.cause, "actor", "starting"));
    }
  });

  test("an actor that stops itself in onWake stops after its start and serves no calls", async () => {
    for (const hook of ["onMigrate", "createVars", "onWake"] as const) {
      const w = world();
      const log: string[] = [];
      const expired = actor({
        state: { n: 1 },
        [hook]: (c: { destroy(): void; sleep(): void }) => {
          if (log.length === 0) return;
          c.destroy();
          assert.throws(() => c.sleep(), code("actor", "starting"));
        },
        onDestroy: () => void log.push("onDestroy"),
        actions: { ping: () => void log.push("ping") },
      });
      const instance = w.create(expired);
      await call(instance, "ping");
      await instance.sleep();
      const again = await w.wake(expired);
      await assert.rejects(call(again, "ping"), code("actor", "stopping"));
      assert.equal(await again.stopped, "destroyed");
      assert.deepEqual(log, ["ping", "onDestroy"]);
      assert.notEqual((await w.store.get("a"))?.destroyedAt, undefined);
      assert.deepEqual(w.reported, []);
    }
  });

  test("onMigrate of an existing actor sees the state after migrateState, and its changes persist", async () => {
    const w = world();
    const seen: unknown[] = [];
    const first = actor({ state: { n: 1 }, onMigrate: (c) => void seen.push(c.state) });
    const instance = w.create(first);
    await instance.ready;
    await instance.sleep();
    const second = actor({
      createState: () => ({ n: 0, unit: "each", title: "new" }),
      migrateState: [(stored: { n: number }) => ({ ...stored, unit: "each" })],
      onMigrate: (c, isNew) => {
        if (isNew) return;
        seen.push({ ...c.state });
        c.state.title ??= "old";
      },
      onWake: (c) => void seen.push({ ...c.state }),
    });
    const woken = await w.wake(second);
    await woken.ready;
    await woken.sleep();
    await (await w.wake(second)).ready;
    const migrated = { n: 1, unit: "each", title: "old" };
    assert.deepEqual(seen, [undefined, { n: 1, unit: "each" }, migrated, migrated, migrated]);
    const none = w.create(actor({ onMigrate: (c) => void c.state }), undefined, "none");
    await assert.rejects(none.ready, code("actor", "state_not_enabled"));
  });

  test("serial actors run one action at a time, in order", async () => {
    const w = world();
    const log: string[] = [];
    const gates = [deferred(), deferred()];
    const definition = actor({
      options: { concurrency: "serial" },
      actions: {
        work: async (_c, i: number) => {
          log.push(`begin ${i}`);
          await gates[i]?.promise;
          log.push(`end ${i}`);
          if (i === 0) throw new Error("first fails");
        },
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    const first = call(instance, "work", 0);
    const second = call(instance, "work", 1);
    await turn();
    assert.deepEqual(log, ["begin 0"]);
    gates[0]?.resolve();
    gates[1]?.resolve();
    await assert.rejects(first);
    await second;
    assert.deepEqual(log, ["begin 0", "end 0", "begin 1", "end 1"]);
  });

  test("blockConcurrencyWhile delays actions and connections, and passes errors on", async () => {
    const w = world();
    const wait = deferred();
    const definition = actor({
      actions: {
        block: (c) => c.blockConcurrencyWhile(() => wait.promise),
        fail: (c) =>
          c.blockConcurrencyWhile(() => {
            throw new Error("no");
          }),
        ping: () => "pong",
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    const blocking = call(instance, "block");
    const ping = call(instance, "ping");
    assert.equal(await outcome(ping), "pending");
    wait.resolve();
    await blocking;
    assert.equal(await ping, "pong");
    await assert.rejects(call(instance, "fail"), code("internal", "internal_error"));
    assert.equal(await call(instance, "ping"), "pong");
  });

  test("a call that is waiting when the actor stops is reported as not executed", async () => {
    const w = world();
    const definition = actor({
      options: { concurrency: "serial", sleepGracePeriod: 100 },
      actions: { stuck: () => new Promise(() => {}), ping: () => "pong" },
    });
    const instance = w.create(definition);
    await instance.ready;
    const stuck = call(instance, "stuck");
    const ping = call(instance, "ping");
    await turn();
    const stopped = instance.sleep();
    await turn();
    w.ports.advance(100);
    await assert.rejects(stuck, code("action", "interrupted"));
    await assert.rejects(ping, code("actor", "stopping"));
    assert.equal(await stopped, "slept");
  });
});

describe("properties of a context", () => {
  test("region, deprecated no-ops, and fetch behind the output gate", async () => {
    const w = world();
    const definition = actor({
      state: { n: 0 },
      actions: {
        look: (c) => {
          c.setPreventSleep(true);
          return [c.region, c.preventSleep];
        },
        fetch: async (c) => {
          c.state.n++;
          return (await c.fetch("http://example.invalid/")).status;
        },
      },
    });
    const instance = w.create(definition);
    assert.deepEqual(await call(instance, "look"), ["local", false]);
    await assert.rejects(call(instance, "fetch"), code("internal", "internal_error"));
    w.fetch = async () => new Response(null, { status: 204 });
    w.store.hold = true;
    const fetched = call(instance, "fetch");
    assert.equal(await outcome(fetched), "pending");
    while (w.store.held.length > 0) {
      w.store.held.shift()?.land();
      await turn();
    }
    w.store.hold = false;
    assert.equal(await fetched, 204);
  });

  test("ineffective options are logged once per definition", async () => {
    const w = world();
    const warned: unknown[] = [];
    const log: Logger = {
      ...silentLogger,
      warn: (_message, fields) => void warned.push(fields?.warnings),
      child: () => log,
    };
    Object.assign(w.ports, { log } satisfies Partial<Ports>);
    const definition = actor({ options: { noSleep: true, onDestroyTimeout: 5 } });
    await w.create(definition).ready;
    await w.create(definition, undefined, "b").ready;
    assert.equal(warned.length, 1);
    assert.equal((warned[0] as string[]).length, 2);
  });
});

test("an acknowledged c.destroy() survives a crash: the next start only ends the actor", async () => {
  const w = world();
  const log: string[] = [];
  const stuck = deferred();
  const definition = actor({
    options: { sleepGracePeriod: 20_000 },
    state: { n: 0 },
    onDestroy: () => void log.push("onDestroy"),
    actions: {
      work: () => stuck.promise,
      end: (c) => {
        c.destroy();
        return "ended";
      },
      get: (c) => c.state.n,
    },
  });
  const instance = w.create(definition);
  await instance.ready;
  const work = call(instance, "work").catch(() => {});
  const before = await w.store.due(w.ports.clock.now() + 100_000, 10);
  assert.deepEqual(before.actors, []);
  assert.equal(await call(instance, "end"), "ended");
  // The process dies while the actor still waits for the other call.
  const due = await w.store.due(w.ports.clock.now() + 20_000, 10);
  assert.deepEqual(
    due.actors.map((record) => record.id),
    ["a"],
  );
  const again = await w.wake(definition);
  await assert.rejects(call(again, "get"), code("actor", "stopping"));
  assert.equal(await again.stopped, "destroyed");
  assert.deepEqual(log, ["onDestroy"]);
  assert.deepEqual((await w.store.due(w.ports.clock.now() + 100_000, 10)).actors, []);
  stuck.resolve();
  await work;
});
