/** What the host of plugins refuses, and what a plugin's answer may be, in real jails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { pluginLimits } from "../src/plugins/plugin-limits.ts";
import type { EventEnvelope } from "../src/plugins/runtime/api.ts";
import { callTool, gateWith, handlerOf, manifestOf, resultOf, until } from "./plugin-support.ts";
import { missing } from "./support.ts";

const skip = missing("bwrap");

const event = (topic: string, group: string): EventEnvelope => ({
  ...{ id: "1", version: 1, type: "event", topic, source: "plugin:other", correlation: null },
  ...{ timestamp: new Date(0).toISOString(), group, payload: {} },
});

test("refusals of the host of plugins", { skip }, async (t) => {
  const { gate } = await gateWith(t, {
    one: {
      "manifest.json": manifestOf(
        [
          { name: "one_wait" },
          { name: "one_code", properties: { code: { type: "string" } } },
          { name: "one_past" },
          { name: "one_seen" },
        ],
        {
          subscribes: ["task.*"],
          allowed_groups: ["alpha"],
        },
      ),
      "handler.js": handlerOf(
        {
          one_wait: `context.progress({ progress: 0 });
            await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
            return { ok: true, result: {} };`,
          one_code:
            'return { ok: false, error: { code: JSON.parse(args.code), message: "said", retriable: false } };',
          one_past: `const past = await services.getAuditLog({});
            return { ok: true, result: { past: past.map((each) => each.correlation) } };`,
          one_seen: "return { ok: true, result: { seen: globalThis.seen ?? [] } };",
        },
        `async handleEvent(envelope) { (globalThis.seen ??= []).push(envelope.topic + " " + envelope.group); },
        async verify() { return 5; },`,
      ),
    },
    two: {
      "manifest.json": manifestOf([{ name: "two_x" }], { session: "explicit" }),
      "handler.js": handlerOf(
        {},
        `async resolveSession() { throw new Error("at /etc/hidden"); },
        async verify() {
          const { ToolError } = await import("@holdfast/gate/plugin");
          throw new ToolError({ code: "EXPIRED", message: "the token has expired" });
        },`,
      ),
    },
  });

  assert.deepEqual(
    gate.plugins.list().map(({ name, failure }) => [name, failure]),
    [
      ["one", undefined],
      ["two", undefined],
    ],
  );

  await t.test("an event reaches a plugin by its topic and in its groups alone", async () => {
    assert.equal(gate.plugins.deliver(event("tasks.done", "alpha")), 0);
    assert.equal(gate.plugins.deliver(event("task.done", "beta")), 0);
    assert.equal(gate.plugins.deliver(event("task.done", "alpha")), 1);
    await until("it has come", async () => {
      const { seen } = await resultOf(gate, "one_seen");
      return JSON.stringify(seen) === '["task.done alpha"]';
    });
  });

  await t.test("what verify() tells has to be a result", async () => {
    await assert.rejects(gate.plugins.verify("one"), (error) =>
      isErrorCode(error, "plugin", "handler_failed"),
    );
  });

  await t.test("why verify() is not content is told as by a tool, and never but by a ToolError", async () => {
    const expired = { ok: false, message: "the token has expired" };
    assert.deepEqual(await gate.plugins.verify("two"), expired);
    assert.deepEqual(await resultOf(gate, "plugin_verify", { name: "two" }), expired);
    const { ok, message } = await resultOf(gate, "plugin_verify", { name: "one" });
    assert.equal(ok, false);
    assert.match(String(message), /internal error \([0-9a-f-]{36}\)/);
  });

  await t.test("a plugin that fails to say which session it means begins none", async () => {
    const sessions = { latest: async () => null, find: async () => [] };
    const asked = gate.plugins.resolveSession("two", event("task.done", "alpha"), sessions);
    await assert.rejects(asked, (error) => {
      assert.ok(isErrorCode(error, "plugin", "handler_failed"), String(error));
      assert.doesNotMatch(error.message, /hidden/);
      return true;
    });
  });

  await t.test("a code is plainly written, and none of the stages before", async () => {
    const told = async (code: string) => {
      const outcome = await callTool(gate, "one_code", { code: JSON.stringify(code) });
      return outcome.ok ? "ok" : outcome.error.code;
    };
    assert.equal(await told("MY_CODE"), "MY_CODE");
    for (const code of ["", "two words", "A".repeat(65), "9", "A\n", "UNAUTHORIZED"])
      assert.equal(await told(code), "HANDLER_ERROR", JSON.stringify(code));
  });

  await t.test("a plugin learns of its own calls in the group of the present one alone", async () => {
    const calls = [
      ["mine", "one", "alpha"],
      ["of another group", "one", "beta"],
      ["of another plugin", "two", "alpha"],
    ];
    for (const [correlation, plugin, group] of calls) {
      const data = { call: correlation, correlation, tool: "x", plugin, group };
      await gate.audit.append({ type: "tool.call", data });
      await gate.audit.append({ type: "tool.result", data: { call: correlation, ok: true } });
    }
    assert.deepEqual((await resultOf(gate, "one_past"))["past"], ["mine"]);
  });

  await t.test("a plugin learns of its last calls, however many there were before", async () => {
    const ended = async (correlation: string, plugin: string) => {
      const data = { call: correlation, correlation, tool: "x", plugin, group: "alpha" };
      await gate.audit.append({ type: "tool.call", data });
      await gate.audit.append({ type: "tool.result", data: { call: correlation, ok: true } });
    };
    // More than are looked through, and never more at once than wait for the disk.
    for (let from = 0; from < 10_000; from += 2_500)
      await Promise.all(Array.from({ length: 2_500 }, (_, at) => ended(`before ${from + at}`, "two")));
    await ended("the last", "one");
    assert.deepEqual((await resultOf(gate, "one_past"))["past"], ["the last"]);
  });

  await t.test("names that no plugin has are not found", async () => {
    const isNotFound = (error: unknown) => isErrorCode(error, "plugin", "not_found");
    await assert.rejects(gate.plugins.reload("gone"), isNotFound);
    await assert.rejects(async () => gate.plugins.verify("gone"), isNotFound);
    const { latest, find } = { latest: async () => null, find: async () => [] };
    await assert.rejects(
      gate.plugins.resolveSession("gone", event("a.b", "alpha"), { latest, find }),
      isNotFound,
    );
  });

  await t.test("so many calls of a plugin run at once, and no more", async () => {
    const controller = new AbortController();
    let running = 0;
    const all = Promise.withResolvers<void>();
    const onProgress = () => {
      running += 1;
      if (running === pluginLimits.maxCalls) all.resolve();
    };
    const options = { signal: controller.signal, onProgress };
    const calls = Array.from({ length: pluginLimits.maxCalls }, () =>
      callTool(gate, "one_wait", {}, options),
    );
    const ended = Promise.allSettled(calls);
    // Whatever ends a call before would be told, and not waited for.
    await Promise.race([all.promise, Promise.all(calls)]);
    await assert.rejects(callTool(gate, "one_seen"), (error) => isErrorCode(error, "plugin", "unavailable"));
    controller.abort(new Error("enough"));
    await ended;
    await resultOf(gate, "one_seen");
  });

  await t.test("a plugin that has gone is not called", async () => {
    const tool = gate.plugins.tools().find((each) => each.name === "one_seen");
    assert.ok(tool);
    const principal = { jailId: "jail-1", session: "session-1", group: "alpha" };
    const call = { arguments: {}, principal, correlation: "1", signal: new AbortController().signal };
    await assert.rejects(gate.plugins.invoke({ ...call, tool: { ...tool, plugin: "gone" } }), (error) =>
      isErrorCode(error, "plugin", "unavailable"),
    );
    await gate.close();
    await assert.rejects(gate.plugins.invoke({ ...call, tool }), (error) =>
      isErrorCode(error, "plugin", "unavailable"),
    );
  });
});
