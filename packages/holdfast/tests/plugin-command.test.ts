/** The commands of docs/how-to/write-a-plugin.md, as they stand there. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const bin = resolve(import.meta.dirname, "../bin/holdfast.js");
const page = resolve(import.meta.dirname, "../../../docs/how-to/write-a-plugin.md");

test("every command of the page works", async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), "holdfast-plugin-"));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  const holdfast = (...args: string[]) => run(process.execPath, [bin, ...args], { cwd });
  const commands = [...readFileSync(page, "utf8").matchAll(/^npx holdfast (.+)$/gm)].map(
    (match) => match[1] ?? "",
  );
  assert.equal(commands.length, 4);
  for (const command of commands) {
    const { stdout } = await holdfast(...command.split(" "));
    assert.match(stdout, /weather|memory/, command);
  }
  const args = JSON.stringify({ weather_example: { text: "hello" } });
  const { stdout } = await holdfast("plugin", "test", "weather", "--json", "--args", args);
  assert.doesNotMatch(stdout, /"ok":false/);
  for (const [given, said] of [
    ['{"weather_exampel":{}}', /no tool "weather_exampel"\. Did you mean weather_example\?/],
    ['{"weather_example":"hello"}', /arguments of weather_example must be a JSON object/],
    ['["hello"]', /^--args must be a JSON object/],
  ] as const) {
    const failed = await holdfast("plugin", "test", "weather", "--args", given).catch((e: unknown) => e);
    assert.equal(Reflect.get(Object(failed), "code"), 2, given);
    assert.match(String(Reflect.get(Object(failed), "stderr")), said);
  }

  const manifest = join(cwd, "weather", "manifest.json");
  const raw = readFileSync(manifest, "utf8");
  writeFileSync(manifest, raw.replace("weather_example", "weather.example"));
  const refused = await holdfast("plugin", "validate", "weather").catch((error: unknown) => error);
  assert.equal(Reflect.get(Object(refused), "code"), 1);
  assert.match(String(Reflect.get(Object(refused), "stdout")), /problem: the tool/);
  const wrong = await holdfast("plugin", "create", "../x").catch((error: unknown) => error);
  assert.match(String(Reflect.get(Object(wrong), "stderr")), /plugin\.invalid_name/);
});

test("who makes a plugin where its types and its test find nothing is told what to install", async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), "holdfast-plugin-"));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  const create = async (...args: string[]) =>
    (await run(process.execPath, [bin, "plugin", "create", ...args], { cwd })).stdout;
  const told = /npm install --save-dev @holdfast\/gate/;
  assert.match(await create("alone"), told);
  const json: unknown = JSON.parse(await create("machine", "--json"));
  assert.deepEqual(json, { folder: join(cwd, "machine") });

  mkdirSync(join(cwd, "node_modules", "@holdfast"), { recursive: true });
  symlinkSync(resolve(import.meta.dirname, "../../gate"), join(cwd, "node_modules", "@holdfast", "gate"));
  assert.doesNotMatch(await create("among"), told);
  // Node runs no tests in a process that it takes for part of its own run.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const tested = await run(process.execPath, ["--test", join("among", "handler.test.ts")], { cwd, env });
  assert.match(tested.stdout, /pass 1/);
});

test("what is asked for in another way than it is done is told how", async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), "holdfast-plugin-"));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  const refused = async (...args: string[]) => {
    const error: unknown = await run(process.execPath, [bin, "plugin", ...args], { cwd }).catch(
      (each) => each,
    );
    assert.equal(Reflect.get(Object(error), "code"), 2, args.join(" "));
    return String(Reflect.get(Object(error), "stderr"));
  };
  assert.match(await refused("install", "weather"), /into plugins\/ in the data directory/);
  for (const args of ["[1]", '{"weather_example":"hello"}', "{"])
    assert.match(await refused("test", "weather", "--args", args), /arguments by tool, as \{"TOOL"/, args);
});
