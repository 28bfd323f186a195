/** What the kit of plugin authors finds, makes and refuses. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createPlugin, runConformance, validatePlugin } from "@holdfast/gate/plugin-kit";
import { manifestOf, writeFiles } from "./plugin-support.ts";
import { temporaryDirectory } from "./support.ts";

type Given = { after(end: () => unknown): void };

function folder(t: Given, files: Readonly<Record<string, unknown>>): string {
  const directory = join(temporaryDirectory(t), "kit");
  writeFiles(directory, { "skills/kit.md": "# kit\n", ...files });
  return directory;
}

const number = (name: string, type: string, bounds: Readonly<Record<string, number>>) => ({
  name,
  properties: { n: { type, ...bounds } },
  required: ["n"],
});

const handler = `export default {
  initialize() {},
  handleToolInvocation: (_, args) => ({ ok: true, result: { args } }),
  shutdown() {},
};
`;

test("validate finds a handler that is not there, and arguments that no call can have", async (t) => {
  const required = [{ name: "kit_call", properties: { a: { type: "string" } }, required: ["a", "b"] }];
  const { ok, problems } = await validatePlugin(folder(t, { "manifest.json": manifestOf(required) }));
  assert.equal(ok, false);
  assert.deepEqual(problems, [
    "there is neither handler.js nor handler.ts",
    '"kit_call" requires "b", which is not among its properties',
  ]);
});

test("a handler file with an unsupported name is reported by its name", async (t) => {
  for (const [name, why] of [
    ["handler.mjs", /; handler\.mjs is not used$/],
    ["handler.tsx", /; handler\.tsx is not used; compile JSX first$/],
  ] as const) {
    const pluginDir = folder(t, { "manifest.json": manifestOf([{ name: "kit_call" }]), [name]: handler });
    assert.match((await validatePlugin(pluginDir)).problems.join(), why);
    const failed = (await runConformance({ pluginDir })).filter(({ ok }) => !ok);
    assert.deepEqual(
      failed.map(({ detail }) => why.test(detail ?? "")),
      [true],
      name,
    );
  }
});

test("the suite gives a handler the configuration of its folder, or what its schema proposes", async (t) => {
  const properties = { server: { type: "string" }, port: { type: "integer", default: 25 } };
  const config_schema = { type: "object", properties, required: ["server", "port"] };
  const picky = handler.replace(
    "initialize() {}",
    'initialize({ config }) { if (config.server === "test" || config.port !== 25) throw new Error("no server"); }',
  );
  const files = {
    "manifest.json": manifestOf([{ name: "kit_call" }], { config_schema }),
    "handler.js": picky,
  };
  const failedOf = async (more: Readonly<Record<string, unknown>>) =>
    (await runConformance({ pluginDir: folder(t, { ...files, ...more }) })).filter(({ ok }) => !ok);
  assert.deepEqual(await failedOf({ "config.json": { server: "mail.example" } }), []);
  assert.match((await failedOf({ "config.json": { port: 25 } }))[0]?.detail ?? "", /server/);
  assert.match((await failedOf({}))[0]?.detail ?? "", /no server/);
  const proposed = {
    ...config_schema,
    properties: { ...properties, server: { type: "string", default: "a" } },
  };
  const manifest = manifestOf([{ name: "kit_call" }], { config_schema: proposed });
  assert.deepEqual(await failedOf({ "manifest.json": manifest }), []);
});

test("a path that is no folder is told as such", async (t) => {
  const file = join(folder(t, { "manifest.json": manifestOf([]) }), "manifest.json");
  assert.match((await validatePlugin(file)).problems.join(), /manifest\.json is not a folder/);
});

test("the suite calls tools with numbers in their bounds, and takes inherited names for no arguments", async (t) => {
  const tools = [
    number("kit_below", "number", { maximum: -5 }),
    number("kit_whole", "integer", { minimum: 0.5 }),
    number("kit_low", "integer", { maximum: -0.5 }),
    { name: "kit_names", properties: { constructor: { type: "string" } } },
  ];
  const pluginDir = folder(t, { "manifest.json": manifestOf(tools), "handler.js": handler });
  const failed = (await runConformance({ pluginDir })).filter(({ ok }) => !ok);
  assert.deepEqual(failed, []);
});

test("sample arguments for a tool that there is not are told", async (t) => {
  const pluginDir = folder(t, { "manifest.json": manifestOf([{ name: "kit_call" }]), "handler.js": handler });
  const failed = (await runConformance({ pluginDir, sampleArgs: { kit_cal: {} } })).filter(({ ok }) => !ok);
  assert.deepEqual(failed, [
    { name: "sample arguments: are for its tools", ok: false, detail: "it has no tool kit_cal" },
  ]);
});

test("no plugin is made under a name under which it would not load", async (t) => {
  const directory = temporaryDirectory(t);
  const refused = (error: unknown) => isErrorCode(error, "plugin", "invalid_name");
  await assert.rejects(createPlugin({ directory, name: "hello" }), refused);
  await assert.rejects(createPlugin({ directory, name: "fine", tool: "list_tools" }), refused);
  await assert.rejects(createPlugin({ directory, name: "fine", tool: "a-tool" }), refused);
  const made = await createPlugin({ directory, name: "fine" });
  assert.deepEqual((await validatePlugin(made)).problems, []);
});
