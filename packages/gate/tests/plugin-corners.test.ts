/** Plugin folders as they are written for the peer, at the corners of what its contract lets them do. */
import assert from "node:assert/strict";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runConformance, validatePlugin } from "@holdfast/gate/plugin-kit";
import { callTool, gateWith, manifestOf, resultOf, writeFiles } from "./plugin-support.ts";
import { missing, temporaryDirectory } from "./support.ts";

const tools = (...names: string[]) =>
  names.map((name) => ({ name, properties: { which: { type: "string" } } }));

/** CommonJS as a compiler leaves it, and results that are no plain JSON. */
const compiled = `"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
const { ToolError } = require("./errors");
const brand = Symbol.for("carapace.ToolError");
class Odd {
  initialize() {}
  shutdown() {}
  handleToolInvocation(tool, args) {
    const circle = {}; circle.self = circle;
    const results = {
      text: "plain", list: [1, "two", null], nothing: undefined, date: { at: new Date(0) }, big: { n: 1n }, circle,
      map: { map: new Map([[1, 2]]), not: NaN, gone: undefined, call: () => 1 }, own: { toJSON: () => ({ a: 1 }) },
      bad: { toJSON() { throw new Error("no") } }, surrogate: { text: "\\ud800x" },
      full: { text: "x".repeat(1024 * 1024 - 11) }, over: { text: "x".repeat(1024 * 1024 - 10) },
    };
    if (tool === "odd_result") return { ok: true, result: results[args.which] };
    const getter = new Error("x"); Object.defineProperty(getter, "stack", { get() { throw new Error("again") } });
    const errors = {
      null: null, undefined: undefined, text: "a secret", number: 7, getter, object: Object.create(null),
      branded: { [brand]: true, code: "A", message: "b" }, liar: { [brand]: true, toErrorPayload: () => "x" },
      stack: Object.assign(new Error("x"), { stack: 7 }),
    };
    if (tool === "odd_throw") throw errors[args.which];
    const returned = {
      none: undefined, text: "done", no: { ok: false }, words: { ok: false, error: "words" }, yes: { ok: 1, result: {} },
      own: { ok: false, error: { code: "NOTE_GONE", message: "gone", retriable: true, retry_after: 2 } },
      error: { ok: false, error: Object.assign(new Error("in full"), { code: "NOTE_FULL" }) },
    };
    return returned[args.which];
  }
}
exports.default = Odd;
`;

/** No default and no name that is asked for; TypeScript without endings; a context that is copied. */
const named = `
import type { PluginHandler, CoreServices, PluginContext } from '@carapace/core/plugin';
import { greet } from './lib';
import { word } from './lib/word';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class NamedHandler implements PluginHandler {
  count = 0;
  initialize = async (_services: CoreServices): Promise<void> => { this.count += 1; };
  handleToolInvocation = async (_tool: string, args: Record<string, unknown>, context: PluginContext) => {
    const home = join(process.env['CARAPACE_HOME'] ?? '/nowhere', 'data', 'named');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'file'), 'kept');
    args['own'] = true;
    return { ok: true as const, result: {
      keys: Object.keys(structuredClone(context)).sort(), text: greet(word), count: this.count,
      kept: readFileSync(join(home, 'file'), 'utf8'), variables: Object.keys(process.env).sort(),
    } };
  };
  shutdown = async (): Promise<void> => {};
}
`;

/** A function that makes the handler, and publishes what lacks everything that the core fills in. */
const channel = `
export default async () => {
  let services;
  return {
    async initialize(given) {
      services = given;
      await given.publishEvent({ topic: 'message.inbound', payload: { channel: 'c', sender: 's', content_type: 'text', body: 'early' } });
    },
    async handleToolInvocation(tool, args) {
      try {
        await services.publishEvent({ id: 'mine', version: 9, source: 'core', timestamp: 'never', ...JSON.parse(args.which) });
        return { ok: true, result: { published: true } };
      } catch (error) {
        return { ok: true, result: { refused: error.message } };
      }
    },
    async shutdown() {},
  };
};
`;

/** As an example inside the tree of its runner is written: it asks neither which tool nor for a name. */
const example = `${[
  "import type { PluginHandler } from '../../src/core/plugin-handler.js';",
  "import { ErrorCode } from '../../types/errors.js';",
].join("\n")}
const handler: PluginHandler = {
  async initialize(): Promise<void> {},
  async handleToolInvocation(_tool: string, args: Record<string, unknown>) {
    const code = String(args['fail'] ?? '');
    if (code in ErrorCode) return { ok: false as const, error: { code, message: 'upstream', retriable: true } };
    return { ok: true as const, result: { echoed: args['text'] ?? '' } };
  },
  async verify() { return { ok: true, message: 'a-token-of-the-example', detail: { token: ['a-token-of-the-example'] } }; },
  async shutdown(): Promise<void> {},
};
export default handler;
`;

const types = ["string", "number", "integer", "boolean", "array", "object"];
const schemas = [
  {
    name: "schemas_all",
    properties: {
      ...Object.fromEntries(types.map((type) => [type, { type }])),
      uri: { type: "string", format: "uri" },
      odd: { type: "string", format: "made-up" },
      day: { type: "string", format: "date-time", maxLength: 40, default: "2026-01-01T00:00:00Z" },
      one: { enum: ["a", 1, null, true], type: "string", description: "" },
      range: { type: "number", minimum: -1.5, maximum: 1e6, default: 0 },
      many: { type: "array", maxItems: 2, items: { type: "array", items: { type: "object" } } },
    },
    required: ["string"],
  },
  { name: "schemas_none", properties: {} },
];

test("plugin folders of the peer at its corners", { skip: missing("bwrap") }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const settings = { type: "object", required: ["region"], properties: { region: { type: "string" } } };
  const { gate } = await gateWith(
    t,
    {
      odd: {
        "manifest.json": manifestOf(tools("odd_result", "odd_throw", "odd_return")),
        "package.json": { type: "commonjs" },
        "handler.js": compiled,
        "errors.js": "exports.ToolError = class {};\n",
      },
      named: {
        "manifest.json": manifestOf(tools("named_look"), { config_schema: settings, session: "fresh" }),
        "handler.ts": named,
        "lib/index.ts": "export const greet = (who: string): string => 'hello ' + who;\n",
        "lib/word.ts": "export const word = 'you';\n",
      },
      channel: {
        "manifest.json": manifestOf(tools("channel_publish"), {
          provides: {
            channels: ["chat"],
            tools: manifestOf(tools("channel_publish")).provides.tools,
          },
          subscribes: ["message.inbound"],
          allowed_groups: ["family"],
        }),
        "handler.ts": channel,
      },
      example: {
        "manifest.json": manifestOf([
          { name: "echo", properties: { text: { type: "string" }, fail: { type: "string" } } },
        ]),
        "handler.ts": example,
        "skills/example.md": "# example\n",
      },
      stale: {
        "manifest.json": manifestOf(tools("stale_call")),
        "handler.js": "import './gone.js';\nexport default {};\n",
        "handler.ts":
          "export default { initialize() {}, handleToolInvocation: () => ({ ok: true, result: { source: true } }) };\n",
        "skills/.draft.md": "\n",
        "skills/How to (été).md": "# how\n",
        "skills/parts/part.md": "# part\n",
      },
      schemas: {
        "manifest.json": manifestOf(schemas, { version: "1", app_compat: "*", description: "" }),
        "handler.js":
          "export const handler = { initialize() {}, shutdown() {}, handleToolInvocation: (_, args) => ({ ok: true, result: { args } }) };\n",
      },
    },
    { dataDir },
  );
  await gate.plugins.setCredential("example", "TOKEN", "a-token-of-the-example");
  for (const { name, state, failure } of gate.plugins.list())
    assert.equal(state, "running", `${name}: ${failure?.message}`);
  const offered = gate.tools.list().map((each) => each.name);
  for (const name of ["odd_result", "named_look", "channel_publish", "schemas_all", "schemas_none"])
    assert.ok(offered.includes(name), name);

  await t.test("a tool may be called echo, and its handler need not ask which tool it is", async () => {
    const owner = () => gate.tools.list().find(({ name }) => name === "echo")?.plugin;
    assert.equal(owner(), "example");
    assert.deepEqual(await resultOf(gate, "echo", { text: "hi" }), { echoed: "hi" });
    const pluginDir = join(dataDir, "plugins", "example");
    const failed = (await runConformance({ pluginDir })).filter(({ ok }) => !ok);
    assert.deepEqual(failed, []);
    assert.deepEqual((await validatePlugin(pluginDir)).problems, []);
    assert.match((await validatePlugin(join(dataDir, "plugins", "odd"))).problems[0] ?? "", /no \.md file/);
  });

  await t.test("the codes of its own stage are a handler's to give, those before are not", async () => {
    const told = async (fail: string) => {
      const outcome = await callTool(gate, "echo", { fail });
      return !outcome.ok && [outcome.error.code, outcome.error.retriable];
    };
    for (const code of ["PLUGIN_UNAVAILABLE", "PLUGIN_TIMEOUT", "PLUGIN_ERROR", "HANDLER_ERROR"])
      assert.deepEqual(await told(code), [code, true]);
    for (const code of ["UNKNOWN_TOOL", "VALIDATION_FAILED", "UNAUTHORIZED", "RATE_LIMITED"])
      assert.deepEqual(await told(code), ["HANDLER_ERROR", true]);
    for (const code of ["CONFIRMATION_TIMEOUT", "CONFIRMATION_DENIED"])
      assert.deepEqual(await told(code), ["HANDLER_ERROR", true]);
  });

  await t.test("what verify() tells has no secret in it, in no place", async () => {
    const { ok, message, detail } = await gate.plugins.verify("example");
    assert.deepEqual([ok, message, detail], [true, "[redacted]", { token: ["[redacted]"] }]);
  });

  await t.test("results are the JSON that they have, and never more than their bound", async () => {
    const result = async (which: string) => {
      const outcome = await callTool(gate, "odd_result", { which });
      return outcome.ok ? outcome.result : outcome.error;
    };
    assert.equal(await result("text"), "plain");
    assert.deepEqual(await result("list"), [1, "two", null]);
    assert.equal(await result("nothing"), null);
    assert.deepEqual(await result("date"), { at: "1970-01-01T00:00:00.000Z" });
    assert.deepEqual(await result("map"), { map: {}, not: null });
    assert.deepEqual(await result("own"), { a: 1 });
    assert.deepEqual(await result("surrogate"), { text: "\ud800x" });
    assert.equal(JSON.stringify(await result("full")).length, 1024 * 1024);
    assert.match(JSON.stringify(await result("over")), /HANDLER_ERROR.*1048577 bytes > 1048576/);
    for (const which of ["big", "circle", "bad"])
      await assert.rejects(result(which), { code: "handler_failed" });
  });

  await t.test("whatever is thrown or returned, each call has its answer and the process lives", async () => {
    const { pid } = gate.plugins.list().find((each) => each.name === "odd") ?? {};
    for (const which of [
      "null",
      "undefined",
      "text",
      "number",
      "getter",
      "object",
      "branded",
      "liar",
      "stack",
    ]) {
      await assert.rejects(callTool(gate, "odd_throw", { which }), { code: "handler_failed" }, which);
    }
    for (const which of ["none", "text", "no", "words", "yes"]) {
      await assert.rejects(callTool(gate, "odd_return", { which }), { code: "handler_failed" }, which);
    }
    const own = await callTool(gate, "odd_return", { which: "own" });
    assert.deepEqual(own, {
      ok: false,
      error: { code: "NOTE_GONE", message: "gone", retriable: true, retry_after: 2 },
    });
    const { error } = { error: undefined, ...(await callTool(gate, "odd_return", { which: "error" })) };
    assert.deepEqual(error, { code: "NOTE_FULL", message: "in full", retriable: false });
    assert.equal(gate.plugins.list().find((each) => each.name === "odd")?.pid, pid);
  });

  await t.test("exports, imports, context and environment", async () => {
    const look = await resultOf(gate, "named_look", { which: "x" });
    assert.deepEqual(look["keys"], ["correlationId", "group", "sessionId", "timestamp"]);
    assert.equal(look["text"], "hello you");
    assert.equal(look["count"], 1);
    assert.equal(look["kept"], "kept");
    assert.deepEqual(
      (look["variables"] as string[]).filter((name) => /KEY|TOKEN|SECRET/.test(name)),
      [],
    );
  });

  await t.test("what is not configured is not required; what is, is checked", async () => {
    writeFileSync(join(dataDir, "plugins", "named", "config.json"), '{"other":1}');
    const [, status] = [
      await gate.plugins.reload("named"),
      gate.plugins.list().find(({ name }) => name === "named"),
    ];
    assert.match(status?.failure?.message ?? "", /region/);
    assert.equal(status?.state, "running");
  });

  await t.test("an event has from the core what the plugin leaves out, or makes up", async () => {
    const heard: unknown[] = [];
    t.after(
      gate.plugins.onEvent(({ id, version, source, group, type, timestamp }) => {
        heard.push([id !== "mine", version, source, group, type, Number.isNaN(Date.parse(timestamp))]);
      }),
    );
    const payload = { channel: "c", sender: "s", content_type: "text", body: "b", metadata: { a: [1] } };
    const publish = async (event: unknown) =>
      resultOf(gate, "channel_publish", { which: JSON.stringify(event) });
    assert.deepEqual(await publish({ topic: "message.inbound", payload }), { published: true });
    assert.deepEqual(heard, [[true, 1, "plugin:channel", "family", "event", false]]);
    for (const event of [
      { topic: "message.inbound", payload: { ...payload, role: "admin" } },
      { topic: "message.inbound", payload: { ...payload, body: "x".repeat(8_193) } },
      { topic: "message.inbound", payload, group: "other" },
      { topic: "message.inbound", payload, group: "../family" },
      { topic: "tool.invoke.echo", payload },
      { topic: "message.inbound", payload: null },
      { topic: "message.inbound" },
    ]) {
      assert.match(String((await publish(event))["refused"]), /./, JSON.stringify(event));
    }
    assert.equal(heard.length, 1);
  });

  await t.test(
    "a build that is no longer whole, no shutdown(), and skills with names for people",
    async () => {
      assert.deepEqual(await resultOf(gate, "stale_call"), { source: true });
      const skills = readdirSync(gate.plugins.skillsDirectory).filter((name) => name.startsWith("stale-"));
      assert.deepEqual(skills, ["stale-How to (été).md"]);
      writeFileSync(join(dataDir, "plugins", "stale", "changed.md"), "");
      await gate.plugins.reload("stale");
      assert.deepEqual(await resultOf(gate, "stale_call"), { source: true });
    },
  );

  await t.test("arguments come as they were given, without defaults", async () => {
    assert.deepEqual(await resultOf(gate, "schemas_all", { string: "x" }), { args: { string: "x" } });
  });

  await t.test("the gate's own echo is back when the plugin is gone", async () => {
    rmSync(join(dataDir, "plugins", "example"), { recursive: true });
    await gate.plugins.reload();
    assert.equal(gate.tools.list().find(({ name }) => name === "echo")?.plugin, "core");
  });
});

test("the conformance suite tells of a shutdown that fails", async (t) => {
  const pluginDir = join(temporaryDirectory(t), "stubborn");
  writeFiles(pluginDir, {
    "manifest.json": manifestOf(tools("stubborn_call")),
    "handler.js": `export default {
      initialize() {},
      handleToolInvocation: () => ({ ok: true, result: {} }),
      async shutdown() { throw new Error("the file is still open"); },
    };
`,
  });
  const failed = (await runConformance({ pluginDir })).filter(({ ok }) => !ok);
  assert.deepEqual(
    failed.map(({ name }) => name),
    ["handler: shuts down"],
  );
  assert.match(failed[0]?.detail ?? "", /^it threw: .*the file is still open/);
});
