import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger, systemClock } from "@holdfast/core";
import { KnownSecrets } from "../vault/secrets.ts";
import { Catalog } from "./catalog.ts";
import { Executor } from "./executor.ts";
import { Sanitizer } from "./sanitizer.ts";
import { ConstructStage } from "./stages/construct.ts";
import type { ConfirmedCall } from "./stages/stage.ts";
import { TopicStage } from "./stages/topic.ts";
import { Taint } from "./taint.ts";
import type { ToolOutcome } from "./tool.ts";

/** A call of a handler that gives `outcome`, whatever it is. */
function callGiving(outcome: unknown): ConfirmedCall {
  const catalog = new Catalog(silentLogger);
  catalog.register({
    name: "test",
    tools: () => [
      {
        ...{ name: "act", description: "", plugin: "test", pluginVersion: "1", riskLevel: "low" },
        argumentsSchema: { type: "object" },
      },
    ],
    invoke: async () => outcome as ToolOutcome,
    onChange: () => () => {},
  });
  const principal = { jailId: "j", session: "s", group: "g" };
  const frame = Buffer.from('{"topic":"tool.invoke.act","correlation":"c","arguments":{}}');
  const call = new ConstructStage(systemClock).run(frame, principal, { topic: null, correlation: null });
  const decided = { ask: undefined, rule: "", onRecord: {}, approval: undefined };
  return { ...new TopicStage(catalog).run(call), ...decided };
}

const executor = new Executor({
  sanitizer: new Sanitizer(new KnownSecrets()),
  taint: new Taint(),
  onUntrusted: () => Promise.resolve(),
  log: silentLogger,
  timeoutMs: 60_000,
});
const signal = new AbortController().signal;

test("what is no outcome is an error, and nothing of it is told", async () => {
  for (const outcome of [
    undefined,
    null,
    7,
    {},
    { result: "x" },
    { ok: 1, result: "x" },
    { ok: "true", result: "x" },
  ]) {
    const { text, error, incident } = await executor.run(callGiving(outcome), signal, () => {});
    assert.equal(text, "null");
    assert.equal(error?.code, "PLUGIN_ERROR");
    assert.match(incident ?? "", /^[0-9a-f-]{36}$/);
  }
  const { text, error } = await executor.run(callGiving({ ok: true, result: "x" }), signal, () => {});
  assert.deepEqual([text, error], ['"x"', null]);
});
