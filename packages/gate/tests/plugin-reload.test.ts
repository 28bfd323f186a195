/** Changes of plugin folders while the gate runs. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import { pluginLimits } from "../src/plugins/plugin-limits.ts";
import {
  callTool,
  gateWith,
  handlerOf,
  installPlugin,
  manifestOf,
  resultOf,
  until,
  writeFiles,
} from "./plugin-support.ts";
import { missing, temporaryDirectory } from "./support.ts";

const skip = missing("bwrap");

/** The tools of plugin folders. */
const own = (gate: Gate) => gate.plugins.tools().filter((each) => each.plugin !== "installer");

/** Version `text` of a plugin with a tool that waits for a file of its data folder. */
function version(text: string, tools: readonly string[] = ["v_say", "v_wait"]) {
  return {
    "manifest.json": manifestOf(
      tools.map((name) => ({ name })),
      { version: `${text}.0.0` },
    ),
    "handler.js": handlerOf({
      v_say: `return { ok: true, result: { text: "${text}" } };`,
      v_wait: `context.progress({ progress: 0 });
        while (!fs.existsSync(services.dataDirectory + "/go")) await new Promise((resolve) => setTimeout(resolve, 10));
        return { ok: true, result: { text: "${text}" } };`,
      v_new: "return { ok: true, result: {} };",
    }),
    "skills/v.md": `version ${text}`,
  };
}

test("a changed plugin is swapped, and the old one finishes its calls", { skip }, async (t) => {
  const { gate, dataDir } = await gateWith(t, { v: version("1") });
  const folder = join(dataDir, "plugins", "v");
  let changes = 0;
  gate.plugins.onChange(() => {
    changes += 1;
  });
  const replaced = (files: Readonly<Record<string, unknown>>) => {
    rmSync(folder, { recursive: true });
    installPlugin(dataDir, "v", files);
  };

  const started = Promise.withResolvers<void>();
  const waiting = resultOf(gate, "v_wait", {}, { onProgress: () => started.resolve() });
  await started.promise;
  const [before] = gate.plugins.list();
  const oldVersion = own(gate)[0]?.pluginVersion;

  replaced(version("2", ["v_say", "v_wait", "v_new"]));
  await gate.plugins.reload("v");
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "2" });
  await resultOf(gate, "v_new");
  assert.ok(changes > 0);
  assert.notEqual(own(gate)[0]?.pluginVersion, oldVersion);
  assert.notEqual(gate.plugins.list()[0]?.pid, before?.pid);

  writeFileSync(join(dataDir, "gate", "plugins", "v", "data", "go"), "");
  assert.deepEqual(await waiting, { text: "1" });
  await until("the old process has ended", () => gate.jails.list().length === 1);

  // A change that is not valid, or does not start, leaves what runs.
  replaced({ ...version("3"), "manifest.json": "{" });
  await gate.plugins.reload("v");
  assert.equal(gate.plugins.list()[0]?.failure?.category, "invalid_manifest");
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "2" });
  replaced({ ...version("3"), "handler.js": "export default {" });
  await gate.plugins.reload("v");
  assert.equal(gate.plugins.list()[0]?.failure?.category, "missing_handler");
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "2" });
  replaced(version("4"));
  await gate.plugins.reload();
  assert.equal(gate.plugins.list()[0]?.failure, undefined);
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "4" });

  rmSync(folder, { recursive: true });
  await gate.plugins.reload();
  assert.deepEqual(own(gate), []);
  assert.deepEqual(readdirSync(gate.plugins.skillsDirectory), []);
  await assert.rejects(gate.plugins.reload("v"), (error) => isErrorCode(error, "plugin", "not_found"));
  await assert.rejects(gate.plugins.reload("../v"), (error) => isErrorCode(error, "plugin", "invalid_name"));
});

test("a call while a version takes over from one that ended starts no process beside it", {
  skip,
}, async (t) => {
  const files = (text: string) => ({
    "manifest.json": manifestOf([{ name: "v_say" }, { name: "v_end" }], { version: `${text}.0.0` }),
    "handler.js": handlerOf({
      v_say: `return { ok: true, result: { text: "${text}" } };`,
      v_end: "process.exit(1);",
    }).replace(
      "async initialize(given) {",
      `async initialize(given) {
        if (${text} > 1) {
          fs.appendFileSync(given.dataDirectory + "/started", "${text}");
          while (!fs.existsSync(given.dataDirectory + "/go")) await new Promise((resolve) => setTimeout(resolve, 10));
        }`,
    ),
    "skills/v.md": text,
  });
  const { gate, dataDir } = await gateWith(t, { v: files("1") });
  const data = join(dataDir, "gate", "plugins", "v", "data");
  const isGone = (error: unknown) => isErrorCode(error, "plugin", "unavailable");
  await assert.rejects(callTool(gate, "v_end"), isGone);
  rmSync(join(dataDir, "plugins", "v"), { recursive: true });
  installPlugin(dataDir, "v", files("2"));
  const reloaded = gate.plugins.reload("v");
  await until("the next version starts", () => existsSync(join(data, "started")));
  // The call was validated, and perhaps approved, for the previous version.
  const refused = assert.rejects(callTool(gate, "v_say"), (error) => {
    assert.ok(isGone(error));
    return /replaced by another version/.test(String(error));
  });
  writeFileSync(join(data, "go"), "");
  await Promise.all([reloaded, refused]);
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "2" });
  assert.equal(readFileSync(join(data, "started"), "utf8"), "2");
  assert.equal(gate.jails.list().length, 1);
});

test("folders are watched", { skip }, async (t) => {
  const { gate, dataDir } = await gateWith(t, {}, { plugins: { watch: true } });
  assert.deepEqual(own(gate), []);
  const toolsAre = (wanted: readonly string[]) =>
    until(`the tools are ${wanted}`, async () => {
      await gate.plugins.settled();
      return JSON.stringify(own(gate).map((each) => each.name)) === JSON.stringify(wanted);
    });
  installPlugin(dataDir, "v", version("1"));
  await toolsAre(["v_say", "v_wait"]);
  const path = join(dataDir, "plugins", "v", "manifest.json");
  const replace = (...tools: string[]) => {
    writeFileSync(`${path}.new`, JSON.stringify(version("2", tools)["manifest.json"]));
    renameSync(`${path}.new`, path);
    return toolsAre(tools);
  };
  await replace("v_say");
  await replace("v_say", "v_wait");
  await replace("v_wait");
  rmSync(join(dataDir, "plugins", "v"), { recursive: true });
  await toolsAre([]);
});

test("a plugin of the user takes the place of a built-in one, and gives it back", { skip }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const builtIn = temporaryDirectory(t);
  installPlugin(builtIn, "v", version("1"));
  const { gate } = await gateWith(
    t,
    { v: version("2") },
    { dataDir, plugins: { builtInDirectory: join(builtIn, "plugins") } },
  );
  assert.equal(gate.plugins.list()[0]?.source, "user");
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "2" });
  rmSync(join(dataDir, "plugins", "v"), { recursive: true });
  await gate.plugins.reload();
  assert.equal(gate.plugins.list()[0]?.source, "built-in");
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "1" });
});

test("no plugin of a user takes the name of a tool, or of a skill, of one that comes with the product", {
  skip,
}, async (t) => {
  const dataDir = temporaryDirectory(t);
  const builtIn = temporaryDirectory(t);
  const files = (text: string, skill: string) => {
    const { "manifest.json": manifest, "handler.js": handler } = version(text, ["v_say"]);
    return { "manifest.json": manifest, "handler.js": handler, [`skills/${skill}`]: `of version ${text}` };
  };
  installPlugin(builtIn, "v", files("1", "b-c.md"));
  const { gate } = await gateWith(
    t,
    {
      // The first by its name, so that it is met first at each start.
      a: version("2", ["v_say"]),
      "v-b": { ...files("3", "c.md"), "manifest.json": manifestOf([{ name: "other_say" }]) },
    },
    { dataDir, plugins: { builtInDirectory: join(builtIn, "plugins") } },
  );
  const [imitation] = gate.plugins.list();
  assert.match(imitation?.failure?.message ?? "", /"v_say" is already registered by v/);
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "1" });
  assert.equal(readFileSync(join(gate.plugins.skillsDirectory, "v-b-c.md"), "utf8"), "of version 1");
});

test("a plugin keeps the name of its tool from later ones, also after a restart and while it does not load", {
  skip,
}, async (t) => {
  const dataDir = temporaryDirectory(t);
  const opened = async (plugins: Parameters<typeof gateWith>[1]) =>
    (await gateWith(t, plugins, { dataDir })).gate;
  const problemOf = (gate: Gate, name: string) =>
    gate.plugins.list().find((each) => each.name === name)?.failure?.message ?? "";
  const first = await opened({ v: version("1", ["v_say"]) });
  // Comes before by its name, and is met first at each start.
  installPlugin(dataDir, "a", version("2", ["v_say"]));
  await first.plugins.reload();
  assert.match(problemOf(first, "a"), /"v_say" is already registered by v/);
  await first.close();

  const second = await opened({});
  assert.match(problemOf(second, "a"), /"v_say" is already registered by v/);
  assert.deepEqual(await resultOf(second, "v_say"), { text: "1" });
  await second.close();

  const manifest = join(dataDir, "plugins", "v", "manifest.json");
  const whole = readFileSync(manifest, "utf8");
  writeFileSync(manifest, "no JSON");
  const third = await opened({});
  assert.match(problemOf(third, "a"), /"v_say" is already registered by v/);
  assert.equal(
    third.plugins.tools().some((each) => each.name === "v_say"),
    false,
  );
  await third.close();

  writeFileSync(manifest, whole);
  const fourth = await opened({});
  assert.deepEqual(await resultOf(fourth, "v_say"), { text: "1" });
  // The name is free once its folder is gone.
  rmSync(join(dataDir, "plugins", "v"), { recursive: true });
  await fourth.plugins.reload();
  assert.deepEqual(await resultOf(fourth, "v_say"), { text: "2" });
});

test("files that were not checked, or were refused, are not run when a plugin starts again", {
  skip,
}, async (t) => {
  const first = {
    "manifest.json": manifestOf([{ name: "v_say" }, { name: "v_end" }], { version: "1.0.0" }),
    "handler.js": handlerOf({
      v_say: `return { ok: true, result: { text: "1" } };`,
      v_end: "process.exit(1);",
    }),
  };
  const changed = first["handler.js"].replace('text: "1"', 'text: "2"');
  const { gate, dataDir } = await gateWith(t, { v: first });
  const folder = join(dataDir, "plugins", "v");
  const isGone = (error: unknown) => isErrorCode(error, "plugin", "unavailable");
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "1" });

  // Code that a manifest refuses by its digest, beside the process of what it was before.
  const [{ digest } = { digest: "" }] = gate.plugins.list();
  writeFiles(folder, { "manifest.json": { ...first["manifest.json"], digest }, "handler.js": changed });
  await gate.plugins.reload("v");
  assert.match(gate.plugins.list()[0]?.failure?.message ?? "", /its digest is/);
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "1" });
  await assert.rejects(callTool(gate, "v_end"), isGone);
  await assert.rejects(callTool(gate, "v_say"), isGone);
  assert.match(gate.plugins.list()[0]?.failure?.message ?? "", /have changed since they were checked/);

  // As it was allowed.
  writeFiles(folder, first);
  await gate.plugins.reload("v");
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "1" });
});

test("a change that nobody watches for is taken over when the plugin is to start again", {
  skip,
}, async (t) => {
  const { gate, dataDir } = await gateWith(
    t,
    {
      v: {
        "manifest.json": manifestOf([{ name: "v_end" }, { name: "v_say" }]),
        "handler.js": handlerOf({ v_end: "process.exit(1);", v_say: "return { ok: true, result: {} };" }),
      },
    },
    { plugins: { watch: true } },
  );
  const isGone = (error: unknown) => isErrorCode(error, "plugin", "unavailable");
  writeFiles(join(dataDir, "plugins", "v"), { ".handler.js.swp": "an editor's own" });
  await assert.rejects(callTool(gate, "v_end"), isGone);
  await assert.rejects(callTool(gate, "v_say"), isGone);
  await until("it has been looked at", () => gate.plugins.list()[0]?.state === "running");
  await resultOf(gate, "v_say");
});

test("a gate that closes ends its plugins, and tells their callers", { skip }, async (t) => {
  const { gate } = await gateWith(t, { v: version("1") });
  const started = Promise.withResolvers<void>();
  const waiting = callTool(gate, "v_wait", {}, { onProgress: () => started.resolve() });
  await started.promise;
  const ended = assert.rejects(waiting, (error) => isErrorCode(error, "plugin", "unavailable"));
  await gate.close();
  await ended;
  assert.deepEqual(gate.jails.list(), []);
});

test("a gate that closes waits for no call of a version that was replaced, or of a plugin that was removed", {
  skip,
  // Less than such a call has to finish while the gate goes on.
  timeout: pluginLimits.drainMs / 2,
}, async (t) => {
  const waits = handlerOf({ w_wait: "context.progress({ progress: 0 }); await new Promise(() => {});" });
  const waiter = { ...version("1"), "manifest.json": manifestOf([{ name: "w_wait" }]), "handler.js": waits };
  const { gate, dataDir } = await gateWith(t, { v: version("1"), w: waiter });
  const begin = async (tool: string) => {
    const started = Promise.withResolvers<void>();
    const waiting = callTool(gate, tool, {}, { onProgress: () => started.resolve() });
    await started.promise;
    // In an object, so that only the beginning is waited for.
    return { ended: assert.rejects(waiting, (error) => isErrorCode(error, "plugin", "unavailable")) };
  };
  const calls = [await begin("v_wait"), await begin("w_wait")];
  for (const name of ["v", "w"]) rmSync(join(dataDir, "plugins", name), { recursive: true });
  installPlugin(dataDir, "v", version("2"));
  await gate.plugins.reload();
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "2" });
  await gate.close();
  await Promise.all(calls.map(({ ended }) => ended));
  assert.deepEqual(gate.jails.list(), []);
});

test("a plugin refused for a tool's name loads when the owner is removed", { skip }, async (t) => {
  const { gate, dataDir } = await gateWith(t, { first: version("1"), second: version("2") });
  const states = () => gate.plugins.list().map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(states(), ["first running", "second failed"]);
  rmSync(join(dataDir, "plugins", "first"), { recursive: true });
  await assert.rejects(gate.plugins.reload("first"), (error) => isErrorCode(error, "plugin", "not_found"));
  assert.deepEqual(states(), ["second running"]);
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "2" });
});

test("a plugin refused for a tool's name loads by itself when the owner's next version drops the tool", {
  skip,
}, async (t) => {
  const { gate, dataDir } = await gateWith(t, { first: version("1"), second: version("2", ["v_say"]) });
  const states = () => gate.plugins.list().map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(states(), ["first running", "second failed"]);
  rmSync(join(dataDir, "plugins", "first"), { recursive: true });
  installPlugin(dataDir, "first", version("3", ["v_new"]));
  await gate.plugins.reload("first");
  assert.deepEqual(states(), ["first running", "second running"]);
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "2" });
});

test("a refused version of a loaded plugin takes over when the owner of the tool's name is removed", {
  skip,
}, async (t) => {
  const { gate, dataDir } = await gateWith(t, {
    first: version("1", ["v_say"]),
    second: version("1", ["v_new"]),
  });
  rmSync(join(dataDir, "plugins", "second"), { recursive: true });
  installPlugin(dataDir, "second", version("2", ["v_new", "v_say"]));
  await gate.plugins.reload("second");
  const second = () => gate.plugins.list().find((each) => each.name === "second");
  assert.equal(second()?.version, "1.0.0");
  assert.match(second()?.failure?.message ?? "", /"v_say" is already registered by first/);
  rmSync(join(dataDir, "plugins", "first"), { recursive: true });
  await gate.plugins.reload();
  assert.deepEqual([second()?.version, second()?.failure], ["2.0.0", undefined]);
  assert.deepEqual(await resultOf(gate, "v_say"), { text: "2" });
});
