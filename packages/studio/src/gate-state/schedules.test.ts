/** The schedules of one group: due ones are published once, whatever ends or refuses. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { SharedPluginAnswer, SharedPluginCall } from "@holdfast/gate";
import type { PublishedEvent } from "@holdfast/gate/plugin";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import { LocalGate } from "./local-gate.ts";
import { createSchedulesActor } from "./schedules.ts";

const noWork = () => Promise.reject(new Error("the scheduler has no process"));

/** Schedules over a store in memory, with a gate whose answers the test decides. */
async function openSchedules(t: TestContext) {
  const gate = new LocalGate();
  const clock = { now: () => 0 };
  const use = { groupSchedules: createSchedulesActor({ clock: { now: () => clock.now() } }, gate) };
  const store = (): never => {
    throw new Error("a test has its own store");
  };
  const kit = await setupTest(t, createRegistry({ use, store }), { paused: true });
  clock.now = () => kit.clock.now();
  const published: PublishedEvent[] = [];
  const attach = (publish: (event: PublishedEvent) => Promise<void> = async () => {}) =>
    gate.attach({
      publish: async (plugin, event) => {
        assert.equal(plugin, "scheduler");
        published.push(event);
        await publish(event);
      },
      perform: noWork,
    });
  const call = (tool: string, args: Record<string, unknown> = {}, tainted = false) => {
    const context = { sessionId: "s", group: "alpha", correlationId: "c", startedAt: "", timestamp: "" };
    const request: SharedPluginCall = { tool, arguments: args, context: { ...context, tainted } };
    return kit.client
      .getOrCreate("groupSchedules", ["alpha"])
      .action<SharedPluginAnswer>({ name: "internal.invoke", args: [request] });
  };
  const names = async () =>
    [...JSON.stringify(await call("schedule_list")).matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name);
  const runs = () => published.map(({ payload }) => `${payload["schedule"]} ${payload["run"]}`);
  return { kit, attach, call, names, published, runs };
}

const hour = 60 * 60_000;
const at = (time: number) => new Date(time).toISOString();

describe("schedules of a group", () => {
  test("are made, listed and deleted within their limits, and a refusal changes nothing", async (t) => {
    const { kit, attach, call, names } = await openSchedules(t);
    attach();
    const now = kit.clock.now();
    const made = await call("schedule_create", { name: "late", prompt: "do", at: at(now + 2 * hour) });
    assert.deepEqual(made, { type: "result", result: { name: "late", next_at: at(now + 2 * hour) } });
    await call("schedule_create", { name: "early", prompt: "do", at: at(now + hour) }, true);
    for (const [args, field] of [
      [{ name: "late", prompt: "do", every_minutes: 5 }, "name"],
      [{ name: "x", prompt: "do", at: at(now) }, "at"],
      [{ name: "x", prompt: "do", cron: "61 * * * *" }, "cron"],
    ] as const) {
      const refused = await call("schedule_create", args);
      assert.equal(refused.type === "error" && refused.error.field, field);
    }
    assert.deepEqual(await names(), ["early", "late"]);
    assert.equal(Reflect.get(await call("schedule_list"), "untrusted"), true);
    assert.deepEqual(await call("schedule_delete", { name: "early" }), {
      type: "result",
      result: { deleted: "early" },
    });
    assert.equal((await call("schedule_delete", { name: "early" })).type, "error");
    for (let n = 1; n < 100; n++)
      await call("schedule_create", { name: `n${n}`, prompt: "do", every_minutes: 500_000 });
    const over = await call("schedule_create", { name: "over", prompt: "do", every_minutes: 5 });
    assert.match(JSON.stringify(over), /at most 100 schedules/);
    await kit.crash();
    assert.equal((await names()).length, 100);
  });

  test("run at their times while nobody calls, across crashes", async (t) => {
    const { kit, attach, call, names, published, runs } = await openSchedules(t);
    attach();
    const now = kit.clock.now();
    await call("schedule_create", { name: "once", prompt: "go", at: at(now + hour - 1) }, true);
    await call("schedule_create", { name: "often", prompt: "again", every_minutes: 60 });
    await kit.crash();
    await kit.clock.advance(hour - 2);
    assert.deepEqual(runs(), []);
    await kit.clock.advance(2);
    assert.deepEqual(
      published.map(({ group, payload }) => [
        group,
        payload["schedule"],
        payload["prompt"],
        payload["tainted"],
      ]),
      [
        ["alpha", "once", "go", true],
        ["alpha", "often", "again", false],
      ],
    );
    assert.deepEqual(await names(), ["often"]);
    await kit.crash();
    await kit.clock.advance(2 * hour);
    assert.equal(published.length, 4);
    assert.equal(new Set(runs()).size, 4);
  });

  test("are published again with the same run after a refusal and after a crash, and then go on", async (t) => {
    const { kit, attach, call, published, runs } = await openSchedules(t);
    const now = kit.clock.now();
    // No gate is there yet: the node is starting.
    await call("schedule_create", { name: "daily", prompt: "go", every_minutes: 60 });
    await call("schedule_create", { name: "other", prompt: "go", at: at(now + hour + 1) });
    await kit.clock.advance(hour + 1);
    assert.deepEqual(runs(), []);
    let isTaken = false;
    const detach = attach(async () => {
      if (!isTaken) throw new Error("the group takes nothing");
    });
    await kit.clock.advance(1_000);
    assert.equal(published.length, 1, "the others wait, too");
    await kit.clock.advance(2_000);
    await kit.crash();
    await kit.clock.advance(5 * 60_000);
    assert.ok(published.length >= 3, `${published.length}`);
    assert.equal(new Set(runs()).size, 1);
    isTaken = true;
    await kit.clock.advance(5 * 60_000);
    assert.deepEqual([...new Set(runs())].length, 2);
    assert.equal(runs().filter((run) => run.startsWith("other")).length, 1);
    detach();
    // A process that ends while an event is taken publishes it again.
    published.length = 0;
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const end = attach(() => {
      begun.resolve();
      return ended.promise;
    });
    const advanced = kit.clock.advance(2 * hour);
    await begun.promise;
    await kit.crash();
    end();
    ended.reject(new Error("the process has ended"));
    await advanced;
    attach();
    await kit.clock.advance(5 * 60_000);
    assert.equal(new Set(runs()).size, 1);
    const count = published.length;
    assert.ok(count >= 2, `${count}`);
    await kit.clock.advance(5 * 60_000);
    assert.equal(published.length, count);
  });

  test("what is deleted while its event is taken stays deleted, and what is made then stays", async (t) => {
    const { kit, attach, call, names, runs } = await openSchedules(t);
    const now = kit.clock.now();
    const begun = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    for (const [name, offset] of Object.entries({ one: 0, two: 1, last: 2 }))
      await call("schedule_create", { name, prompt: "go", at: at(now + hour + offset) });
    // Without a gate none of them runs, so that all are due at once.
    await kit.clock.advance(hour + 10);
    attach(() => {
      begun.resolve();
      return released.promise;
    });
    const advanced = kit.clock.advance(60_000);
    await begun.promise;
    for (const name of ["one", "two"]) assert.equal((await call("schedule_delete", { name })).type, "result");
    await call("schedule_create", { name: "one", prompt: "another", every_minutes: 600 });
    released.resolve();
    await advanced;
    await kit.clock.advance(60_000);
    assert.deepEqual(
      runs().map((run) => run.split(" ")[0]),
      ["one", "last"],
    );
    assert.deepEqual(await names(), ["one"]);
  });
});
