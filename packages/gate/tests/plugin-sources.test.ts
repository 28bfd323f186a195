/** Handlers in TypeScript as compilers and bundlers take them, where Node by itself would not. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runConformance } from "@holdfast/gate/plugin-kit";
import { manifestOf, writeFiles } from "./plugin-support.ts";
import { temporaryDirectory } from "./support.ts";

type Given = { after(end: () => unknown): void };

/** What the conformance suite says against a plugin of these files. */
async function problemsOf(t: Given, files: Readonly<Record<string, string>>): Promise<string[]> {
  const pluginDir = join(temporaryDirectory(t), "sources");
  writeFiles(pluginDir, { "manifest.json": manifestOf([{ name: "sources_call" }]), ...files });
  return (await runConformance({ pluginDir })).flatMap(({ ok, detail }) => (ok ? [] : [detail ?? "failed"]));
}

const members = `
  async initialize() {}
  async handleToolInvocation(): Promise<ToolInvocationResult> { return { ok: true, result: { kind: kind.name } }; }
  async shutdown() {}
`;

test("types may be imported like values", async (t) => {
  const problems = await problemsOf(t, {
    "handler.ts": `
import { PluginHandler, CoreServices, ToolError, ToolInvocationResult } from "@carapace/core/plugin";
import { Kind, Named, Both, kind } from "./kinds.js";
import { Kind as Again } from "./more.js";
import { Only } from "./only-types";
export default class Handler implements PluginHandler {
  private services?: CoreServices; private only?: Only; private again?: Again; private named?: Named;
  both = Both.name; error = ToolError.name;
  ${members}
}
`,
    "kinds.ts": `export interface Kind { name: string }
export type Named<T = Kind> = T & { name: string };
export interface Both { a: number }
export class Both implements Kind { name = "both"; a = 1 }
export const kind: Kind = { name: "kind" };
`,
    "more.ts": "export * from './kinds.js';\nexport { Kind } from './kinds.js';\n",
    "only-types.ts": "export interface Only { a: string }\n",
  });
  assert.deepEqual(problems, []);
});

test("each type of the plugin API is there to be imported so", () => {
  const source = (name: string) =>
    readFileSync(new URL(`../src/plugins/runtime/${name}.ts`, import.meta.url), "utf8");
  const types = [...source("api").matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name);
  const named = [...source("imported-api").matchAll(/^export const (\w+) = undefined;$/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(named.sort(), types.sort());
});

test("what a folder's package.json says does not make its modules CommonJS", async (t) => {
  const handler = `import { kind } from "./kind.js";\nexport default { ${members.replaceAll("\n  async", ",\n  async").replace(",", "")} };\n`;
  const made = { "package.json": '{ "name": "sources", "type": "commonjs" }\n' };
  const typed = {
    ...made,
    "handler.ts": handler,
    "kind.ts": "export const kind: object = { name: 'kind' };\n",
  };
  assert.deepEqual(await problemsOf(t, typed), []);
  const plain = handler.replace(": Promise<ToolInvocationResult>", "");
  assert.deepEqual(
    await problemsOf(t, {
      ...made,
      "handler.js": plain,
      "kind.js": "export const kind = { name: 'kind' };\n",
    }),
    [],
  );
  const common = `const text = \`
export default nothing;
\`;
module.exports = { initialize() {}, shutdown() {}, handleToolInvocation: () => ({ ok: true, result: { text } }) };
`;
  assert.deepEqual(await problemsOf(t, { ...made, "handler.js": common }), []);
  assert.deepEqual(await problemsOf(t, { ...made, "handler.ts": common }), []);
});

test("files of TypeScript that say which kind of module they are", async (t) => {
  const problems = await problemsOf(t, {
    "handler.ts": `import { kind } from "./kind.mjs";\nimport type { ToolInvocationResult } from "@carapace/core/plugin";\nexport class Handler { ${members} }\n`,
    "kind.mts": "export const kind: { name: string } = { name: 'kind' };\n",
  });
  assert.deepEqual(problems, []);
});

test("what cannot be imported or begun is told with its place", async (t) => {
  const told = async (files: Readonly<Record<string, string>>) => (await problemsOf(t, files)).join("; ");
  const rest = "handleToolInvocation: () => ({ ok: true, result: {} }), shutdown() {} };\n";
  const good = `export default { initialize() {}, ${rest}`;
  assert.match(await told({ "handler.ts": `${good}\nconst half = {\n` }), /\(in handler\.ts, near: /);
  const below = { "handler.ts": `import './lib/part.js';\n${good}`, "lib/part.js": "export const 7 = 1;\n" };
  assert.match(await told(below), /\(in lib\/part\.js\)/);
  const decorated = `function log(each: unknown) { return each; }\nexport class Handler { @log initialize() {} }\n`;
  assert.match(
    await told({ "handler.ts": decorated }),
    /\(in handler\.ts.*decorators: Node does not support them/,
  );
  const missing = "import { Nothing } from '@carapace/core/plugin';\nexport default Nothing;\n";
  assert.match(await told({ "handler.ts": missing }), /named 'Nothing' \(in handler\.ts, near: import/);
  assert.match(
    await told({ "handler.ts": `\n\nthrow new Error("too early");\n${good}` }),
    /too early \(at handler\.ts:3\)/,
  );
  const wrong = `let none: undefined | { a: number };\nexport default {\n  initialize() { return none!.a; },\n  ${rest}`;
  assert.match(await told({ "handler.ts": wrong }), /\(reading 'a'\) \(at handler\.ts:3\)$/);
  const said = `export default { initialize() { throw new Error("the service does not answer"); }, ${rest}`;
  assert.match(await told({ "handler.ts": said }), /the service does not answer$/);
});
