import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { HoldfastError, silentLogger, systemClock } from "@holdfast/core";
import { KnownSecrets } from "../vault/redaction/known-secrets.ts";
import { brokerLimits } from "./broker-limits.ts";
import { Catalog, listed } from "./catalog.ts";
import { CoreTools } from "./core-tools.ts";
import { Executor } from "./executor.ts";
import { Sanitizer } from "./messages/sanitizer.ts";
import { ConstructStage } from "./stages/construct.ts";
import type { ConfirmedCall } from "./stages/stage.ts";
import { TopicStage } from "./stages/topic.ts";
import { Taint } from "./taint.ts";
import type { ToolOutcome } from "./tool.ts";

/** A call of a handler that gives `outcome`, whatever it is, after these words about its progress. */
function callGiving(outcome: unknown, progress: readonly (number | string)[] = []): ConfirmedCall {
  const catalog = new Catalog(silentLogger);
  catalog.register({
    name: "test",
    tools: () => [
      {
        ...{ name: "act", description: "", plugin: "test", pluginVersion: "1", riskLevel: "low" },
        argumentsSchema: { type: "object" },
      },
    ],
    invoke: async ({ onProgress }) => {
      for (const each of progress)
        onProgress?.(typeof each === "string" ? { progress: 1, message: each } : { progress: each });
      return outcome as ToolOutcome;
    },
    onChange: () => () => {},
  });
  return callOf(catalog, "act");
}

function callOf(catalog: Catalog, tool: string): ConfirmedCall {
  const principal = { jailId: "j", session: "s", group: "g" };
  const frame = Buffer.from(`{"topic":"tool.invoke.${tool}","correlation":"c","arguments":{}}`);
  const call = new ConstructStage(systemClock).run(frame, principal, { topic: null, correlation: null });
  const decided = { ask: undefined, rule: "", auditData: {}, approval: undefined };
  return { ...new TopicStage(catalog).run(call), ...decided };
}

const secret = "canary-0123456789";
const secrets = new KnownSecrets();
secrets.add(secret);
const tainted: string[] = [];
const executor = new Executor({
  sanitizer: new Sanitizer(secrets),
  taint: new Taint(),
  onUntrusted: async ({ session }) => {
    tainted.push(session);
  },
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

test("an error that is already in the log is reported by its id there", async () => {
  const errorId = randomUUID();
  const fault = new HoldfastError("plugin", "handler_failed", "x", { metadata: { errorId } });
  const { error, incident } = await executor.run(callGiving(Promise.reject(fault)), signal, () => {});
  assert.equal(incident, errorId);
  assert.match(error?.message ?? "", new RegExp(`the error ${errorId}$`));
});

test("an untrusted result taints the session", async () => {
  await executor.run(callGiving({ ok: true, result: "x" }), signal, () => {});
  assert.deepEqual(tainted, []);
  await executor.run(callGiving({ ok: true, result: "x", untrusted: true }), signal, () => {});
  assert.deepEqual(tainted, ["s"]);
});

test("no more is told of the progress of a call than may be, and nothing that is no number", async () => {
  const seen: number[] = [];
  const many = Array.from({ length: brokerLimits.maxProgressEvents + 10 }, (_, n) => n);
  await executor.run(
    callGiving({ ok: true, result: null }, [Number.NaN, ...many]),
    signal,
    ({ progress }) => {
      seen.push(progress);
    },
  );
  assert.deepEqual(seen, many.slice(0, brokerLimits.maxProgressEvents));
});

test("the words of a tool's own error are cleaned, in every part", async () => {
  const error = { code: "NO_FILE", message: `no ${secret}`, retriable: false, field: `/${secret}` };
  const executed = await executor.run(callGiving({ ok: false, error }), signal, () => {});
  assert.deepEqual(executed.error, {
    ...{ code: "NO_FILE", message: "no [redacted]", retriable: false, stage: 6 },
    field: "/[redacted]",
  });
});

test("no part of a secret is told where a tool's words are cut off in the middle of it", async () => {
  const before = (characters: number) => "-".repeat(characters - secret.length / 2);
  const { maxProgressMessageCharacters: most } = brokerLimits;
  const error = {
    ...{ code: "NO_FILE", retriable: false },
    message: `${before(4_096)}${secret}`,
    field: `${before(256)}${secret}`,
  };
  const said: (string | undefined)[] = [];
  const call = callGiving({ ok: false, error }, [`${before(most)}${secret}`, "next"]);
  const executed = await executor.run(call, signal, ({ message }) => said.push(message));
  const told = [executed.error?.message, executed.error?.field, said[0]];
  for (const each of told) assert.match(each ?? "", /^-+\[redact/);
  assert.deepEqual(
    told.map((each) => each?.length),
    [4_096, 256, most],
  );
  assert.equal(said[1], "next");
});

test("no half of a character is told, where a tool or the gate cut a text in the middle of one", async () => {
  const half = "\u{1f600}".slice(0, 1);
  const result = { [`a${half}`]: `${half}b`, whole: "\u{1f600}", escaped: "\\ud83d", both: `\\\\${half}` };
  const { text } = await executor.run(callGiving({ ok: true, result }), signal, () => {});
  assert.deepEqual(JSON.parse(text), {
    "a\ufffd": "\ufffdb",
    whole: "\u{1f600}",
    escaped: "\\ud83d",
    both: "\\\\\ufffd",
  });
  const long = `${"-".repeat(4_095)}\u{1f600}`;
  const error = { code: "X", message: long, retriable: false, field: `${"-".repeat(255)}\u{1f600}` };
  const said: (string | undefined)[] = [];
  const progress = `${"-".repeat(brokerLimits.maxProgressMessageCharacters - 1)}\u{1f600}`;
  const told = await executor.run(callGiving({ ok: false, error }, [progress]), signal, ({ message }) =>
    said.push(message),
  );
  for (const each of [told.error?.message, told.error?.field, said[0]])
    assert.match(each ?? "", /^-+\ufffd$/);
});

test("the list of tools is told whole, however large the catalog may be", async () => {
  const catalog = new Catalog(silentLogger);
  const all = () => [...catalog.entries()].map(({ tool }) => listed(tool));
  catalog.register(new CoreTools({ listTools: all, sessionInfo: () => ({}), diagnostics: () => [] }));
  const description = "x".repeat(8_000);
  const count = Math.floor((brokerLimits.maxCatalogBytes - 10_000) / 8_200);
  catalog.register({
    name: "test",
    tools: () =>
      Array.from({ length: count }, (_, n) => ({
        ...{ name: `tool_${n}`, description, plugin: "test", pluginVersion: "1", riskLevel: "low" as const },
        argumentsSchema: { type: "object" as const },
      })),
    invoke: async () => ({ ok: true, result: null }),
    onChange: () => () => {},
  });
  const { text, error } = await executor.run(callOf(catalog, "list_tools"), signal, () => {});
  assert.equal(error, null);
  assert.equal(JSON.parse(text).tools.length, all().length);
  assert.ok(Buffer.byteLength(text) > 3.9 * 1024 * 1024);
});
