import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { describe, type TestContext, test } from "node:test";
import { actor } from "@holdfast/actors";
import { createClient } from "@holdfast/client";
import { embeddedOnly } from "@holdfast/testing/backends";
import type { ScheduleRegistry } from "./schedule-server.ts";
import { Condition, laterRegistry, serve, storedRegistry, temporaryDirectory } from "./support.ts";

interface Mortal {
  readonly client: ReturnType<typeof createClient<ScheduleRegistry>>;
  kill(): Promise<void>;
}

async function start(t: TestContext, directory: string): Promise<Mortal> {
  const child: ChildProcess = fork(new URL("./schedule-server.ts", import.meta.url), [directory], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [message] = (await once(child, "message")) as [{ url: string }];
  const client = createClient<ScheduleRegistry>(message.url);
  t.after(() => client.dispose());
  return {
    client,
    kill: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const movesTheClock = embeddedOnly("moves the clock of this process, and nodes use that of the database");

describe("schedules of a server", () => {
  test("a sleeping actor is woken at its time, without anybody calling it", async (t) => {
    const heard = new Condition();
    const fired: string[] = [];
    const alarm = actor({
      state: { count: 0 },
      options: { sleepTimeout: 20 },
      onSleep: () => {
        fired.push("sleep");
        heard.changed();
      },
      actions: {
        in: (c, ms: number) => c.schedule.after(ms, "ring"),
        ring: (c) => {
          c.state.count++;
          fired.push("ring");
          heard.changed();
        },
        count: (c) => c.state.count,
      },
    });
    const { client } = await serve(t, { alarm });
    const handle = client().alarm.getOrCreate("a");
    let rings = 0;
    // On a busy machine a near time has come before it sleeps: then a later one.
    for (let ms = 150; fired[0] !== "sleep"; ms *= 2) {
      fired.length = 0;
      await handle.in(ms);
      rings += 1;
      await heard.until(() => fired.includes("ring") && fired.at(-1) === "sleep");
    }
    assert.deepEqual(fired, ["sleep", "ring", "sleep"]);
    assert.equal(await handle.count(), rings);
  });

  test("a registry that is not listening runs them too, and its shutdown leaves them to the next", {
    skip: movesTheClock,
  }, async (t) => {
    const directory = temporaryDirectory(t);
    const heard = new Condition();
    let rings = 0;
    const alarm = actor({
      actions: {
        in: (c, ms: number) => c.schedule.after(ms, "ring"),
        ring: () => {
          rings++;
          heard.changed();
        },
      },
    });
    const first = storedRegistry({ alarm }, directory);
    await first.client.alarm.getOrCreate("a").in(0);
    await heard.until(() => rings === 1);
    await first.client.alarm.getOrCreate("b").in(600_000);
    await first.shutdown();
    assert.equal(rings, 1);
    const second = laterRegistry({ alarm }, directory, 600_000);
    t.after(() => second.shutdown());
    await second.directory();
    await heard.until(() => rings === 2);
  });

  test("kill -9: what was due meanwhile runs after the restart, once", { timeout: 120_000 }, async (t) => {
    const directory = temporaryDirectory(t);
    const first = await start(t, directory);
    const ids = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await Promise.all(ids.map((id) => first.client.clockwork.getOrCreate(id).in(1_200)));
    await first.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_250));
    const second = await start(t, directory);
    const done = async (): Promise<boolean> => {
      const pending = await Promise.all(ids.map((id) => second.client.clockwork.get(id).pending()));
      return pending.every((count) => count === 0);
    };
    const deadline = Date.now() + 60_000;
    while (!(await done())) assert.ok(Date.now() < deadline, "they run after the restart");
    for (const id of ids) {
      assert.deepEqual(await second.client.clockwork.get(id).counts(), { runs: 1, twice: 0, cut: 0 });
    }
  });

  test("kill -9 while one runs: it is run again, and has its effect once", {
    timeout: 120_000,
  }, async (t) => {
    const directory = temporaryDirectory(t);
    const first = await start(t, directory);
    const handle = first.client.clockwork.getOrCreate("s");
    await handle.slowlyIn(0, 60_000);
    // It runs: it is not listed any more.
    while ((await handle.pending()) > 0);
    await first.kill();
    const second = await start(t, directory);
    const again = second.client.clockwork.get("s");
    const deadline = Date.now() + 60_000;
    while ((await again.counts()).runs === 0) assert.ok(Date.now() < deadline, "it runs again");
    assert.deepEqual(await again.counts(), { runs: 1, twice: 0, cut: 1 });
  });

  test("thousands of sleeping actors that are due at one time all run, once", {
    skip: movesTheClock,
    timeout: 300_000,
  }, async (t) => {
    const directory = temporaryDirectory(t);
    const count = 10_000;
    const heard = new Condition();
    let rings = 0;
    let at = 0;
    let most = 0;
    let starting = 0;
    const alarm = actor({
      state: { rings: 0 },
      onWake: async (c) => {
        most = Math.max(most, ++starting);
        await c.kv.get("nothing");
        starting--;
      },
      onCreate: async (c) => {
        await c.schedule.at(at, "ring");
      },
      actions: {
        rings: (c) => c.state.rings,
        ring: (c) => {
          c.state.rings++;
          if (++rings === count) heard.changed();
        },
      },
    });
    // Long enough for all of them to be made.
    at = Date.now() + 600_000;
    const first = storedRegistry({ alarm }, directory);
    for (let i = 0; i < count; i += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, j) => first.client.alarm.create(`n${i + j}`)));
    }
    await first.shutdown();
    most = 0;
    const second = laterRegistry({ alarm }, directory, 600_000);
    t.after(() => second.shutdown());
    const began = performance.now();
    await second.directory();
    await heard.until(() => rings >= count, 250_000);
    t.diagnostic(`${count} alarms in ${Math.round(performance.now() - began)} ms, ${most} starting at once`);
    assert.ok(most <= 64, `${most} were starting at once`);
    assert.equal(rings, count);
    for (const i of [0, 4_999, 9_999]) assert.equal(await second.client.alarm.get(`n${i}`).rings(), 1);
    assert.equal((await (await second.directory()).store.due(Date.now() + 600_000, 10)).actors.length, 0);
  });
});

test("the schedules of a fork and of an import run, also when nobody asks for the actor", async (t) => {
  const ran = new Set<string>();
  const changed = new Condition();
  const clockwork = actor({
    actions: {
      plan: (c) => c.schedule.after(2_000, "tick"),
      tick: (c) => {
        ran.add(c.key.join());
        changed.changed();
      },
    },
  });
  const { url, client } = await serve(t, { clockwork });
  await client().clockwork.getOrCreate("first").plan();
  const forked = await fetch(`${url}/actors/clockwork/@first,/fork`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key: "fork" }),
  });
  assert.equal(forked.status, 201);
  const file = await (await fetch(`${url}/actors/clockwork/@first,/export`)).arrayBuffer();
  const imported = await fetch(`${url}/actors/import?key=import,`, { method: "POST", body: file });
  assert.equal(imported.status, 201);
  await changed.until(() => ran.size === 3, 10_000);
  assert.deepEqual([...ran].sort(), ["first", "fork", "import"]);
});
