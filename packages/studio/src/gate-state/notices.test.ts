/** The notices of one group: stored first, delivered at least once, bounded. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { SharedPluginAnswer, SharedPluginCall, SharedPluginWork } from "@holdfast/gate";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import { LocalGate } from "./local-gate.ts";
import { createNoticesActor } from "./notices.ts";

type Answers = (work: SharedPluginWork) => Promise<Record<string, unknown>>;

const delivered: Answers = async () => ({ configured: true });
const kept: Answers = async () => ({ configured: false });

/** Notices over a store in memory, with a plugin's process that the test plays. */
async function openNotices(t: TestContext) {
  const gate = new LocalGate();
  let now = () => 0;
  /** How much the clock of the actor is ahead. */
  const ahead = { ms: 0 };
  const use = { groupNotices: createNoticesActor({ clock: { now: () => now() } }, gate) };
  const store = (): never => {
    throw new Error("a test has its own store");
  };
  const kit = await setupTest(t, createRegistry({ use, store }), { paused: true });
  now = () => kit.clock.now() + ahead.ms;
  /** Titles that were handed to the process, with their ids. */
  const handed: string[] = [];
  const events: unknown[] = [];
  const attach = (answers: Answers) =>
    gate.attach({
      publish: async (_plugin, { topic, group, payload }) => {
        events.push({ topic, group, title: payload["title"], state: payload["state"] });
      },
      perform: async (plugin, work) => {
        assert.equal(plugin, "notify");
        const { notice } = work.arguments as { notice?: { id: string; title: string } };
        if (notice !== undefined) handed.push(`${notice.title} ${notice.id}`);
        return { type: "result", result: await answers(work) };
      },
    });
  const call = (tool: string, args: Record<string, unknown>, tainted = false) => {
    const context = { sessionId: "s", group: "alpha", correlationId: "c", startedAt: "", timestamp: "" };
    const request: SharedPluginCall = { tool, arguments: args, context: { ...context, tainted } };
    return kit.client
      .getOrCreate("groupNotices", ["alpha"])
      .action<SharedPluginAnswer>({ name: "internal.invoke", args: [request] });
  };
  const send = async (title: string, more: Record<string, unknown> = {}, tainted = false) => {
    const answer = await call("notify_send", { title, ...more }, tainted);
    return answer.type === "result" ? String(Reflect.get(Object(answer.result), "state")) : answer.error.code;
  };
  /** Title, state and attempts of the notices, newest first. */
  const list = async (args: Record<string, unknown> = {}) => {
    const answer = await call("notify_list", args);
    assert.ok(answer.type === "result");
    const { notices } = answer.result as { notices: Record<string, unknown>[] };
    return notices.map(({ title, state, attempts, problem }) =>
      [title, state, attempts, ...(problem === undefined ? [] : [problem])].join(" "),
    );
  };
  return { kit, ahead, attach, call, send, list, handed, events };
}

describe("notices of a group", () => {
  test("without a way to deliver are kept, listed, bounded and told to other plugins", async (t) => {
    const { kit, attach, call, send, list, events } = await openNotices(t);
    attach(kept);
    assert.equal(await send("  one\u202e\n", { urgency: "high" }), "kept");
    assert.equal(await send("page", {}, true), "kept");
    assert.equal(await send(" "), "HANDLER_ERROR");
    assert.deepEqual(await list(), ["page kept 0", "one kept 0"]);
    assert.equal(Reflect.get(await call("notify_list", {}), "untrusted"), true);
    assert.deepEqual(events[0], { topic: "notice.added", group: "alpha", title: "one", state: "kept" });
    const more = await Promise.all(Array.from({ length: 12 }, (_, n) => send(`more ${n}`)));
    assert.equal(more.filter((state) => state === "TOO_MANY_NOTICES").length, 4);
    await kit.crash();
    assert.equal(await send("over"), "TOO_MANY_NOTICES");
    await kit.clock.advance(60_000);
    assert.equal(await send("later"), "kept");
    assert.deepEqual(await list({ limit: 1 }), ["later kept 0"]);
    assert.deepEqual(await list({ state: "waiting" }), []);
    assert.equal((await list({ limit: 100 })).length, 11);
  });

  test("are delivered in order, again after a failure and after a crash, with the same id", async (t) => {
    const { kit, attach, send, list, handed } = await openNotices(t);
    attach(delivered);
    assert.equal(await send("first"), "waiting");
    await kit.clock.advance(0);
    assert.deepEqual(await list(), ["first sent 1"]);
    attach(async ({ name }) => ({
      configured: true,
      ...(name === "notify_deliver" ? { problem: "no way" } : {}),
    }));
    await send("second");
    await kit.clock.advance(0);
    assert.deepEqual(await list({ state: "waiting" }), ["second waiting 1 no way"]);
    await kit.crash();
    const detach = attach(() => Promise.reject(new Error("the process does not start")));
    await kit.clock.advance(10_000);
    assert.deepEqual(await list({ state: "waiting" }), ["second waiting 1 no way"], "no attempt");
    // The gate has gone: the node stops.
    detach();
    await kit.clock.advance(10_000);
    attach(delivered);
    await kit.clock.advance(10 * 60_000);
    assert.deepEqual(await list(), ["second sent 2", "first sent 1"]);
    assert.equal(new Set(handed.filter((each) => each.startsWith("second"))).size, 1);
  });

  test("are given up after twelve attempts, and kept when the way is removed", async (t) => {
    const { kit, attach, send, list } = await openNotices(t);
    attach(async () => ({ configured: true, problem: "no way" }));
    await send("lost");
    await kit.clock.advance(24 * 60 * 60_000);
    assert.deepEqual(await list(), ["lost failed 12 no way"]);
    await send("kept");
    attach(kept);
    await kit.clock.advance(60_000);
    assert.equal((await list())[0]?.split(" ")[1], "kept");
  });

  test("the newest thousand are kept, and all that wait", async (t) => {
    const { kit, ahead, attach, send, list } = await openNotices(t);
    // The process cannot be asked, so all of them wait.
    attach(() => Promise.reject(new Error("the process does not start")));
    const day = 24 * 60 * 60_000;
    for (let sent = 0; sent < 1_010; ) {
      const states = await Promise.all(Array.from({ length: 10 }, () => send(`n${++sent}`)));
      assert.deepEqual([...new Set(states)], ["waiting"]);
      ahead.ms += sent % 90 === 0 ? day : 60_000;
    }
    assert.equal((await list({ limit: 2_000 })).length, 1_010);
    attach(kept);
    await kit.clock.advance(ahead.ms + day);
    const all = await list({ limit: 2_000 });
    assert.equal(all.length, 1_000);
    assert.equal(all.at(-1), "n11 kept 0");
    await kit.crash();
    assert.equal(await send("last"), "kept");
    assert.equal((await list({ limit: 2_000 })).at(-1), "n12 kept 0");
  });
});
