/** What the jail of a plugin is given: seen on the way to a real jail. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { JailSpec } from "@holdfast/gate";
import type { Jails } from "../src/jail/jail.ts";
import { pluginName } from "../src/plugins/manifest/names.ts";
import { readPluginFolder } from "../src/plugins/manifest/plugin-folder.ts";
import { PluginLauncher } from "../src/plugins/process/launcher.ts";
import { handlerOf, manifestOf, writeFiles } from "./plugin-support.ts";
import { missing, openGate, temporaryDirectory } from "./support.ts";

test("a plugin's jail is bounded, reads its folder and writes its data alone", {
  skip: missing("bwrap"),
}, async (t) => {
  const gate = await openGate(t);
  const specs: JailSpec[] = [];
  const jails: Jails = {
    driver: gate.jails.driver,
    list: () => gate.jails.list(),
    running: () => gate.jails.running(),
    runTool: (spec) => gate.jails.runTool(spec),
    start: (spec) => {
      specs.push(spec);
      return gate.jails.start(spec);
    },
  };
  const directory = temporaryDirectory(t);
  const folder = join(directory, "one");
  writeFiles(folder, { "manifest.json": manifestOf([{ name: "one_x" }]), "handler.js": handlerOf({}) });
  const launcher = new PluginLauncher({
    ...{ jails, dataDirectory: join(directory, "data") },
    openEgress: (options) => gate.openEgress(options),
  });
  const plugin = await readPluginFolder({ name: pluginName("one"), directory: folder, source: "user" });
  const launched = await launcher.launch(plugin, {}, { TOKEN: "a-secret-value" });
  await launched.jail.stop({ graceMs: 0 });
  await launched.close();
  const [spec] = specs;
  assert.ok(spec && launched.confined);
  const mib = 1024 * 1024;
  assert.deepEqual(spec.limits, {
    ...{ memoryBytes: 512 * mib, pids: 64, tmpBytes: 64 * mib },
    ...{ diskBytes: 4_096 * mib, diskEntries: 200_000 },
  });
  assert.equal(spec.network, "none");
  assert.deepEqual(
    spec.mounts.filter(({ mode }) => mode === "rw").map(({ source }) => source),
    [join(directory, "data", "one", "data")],
  );
  assert.deepEqual(
    spec.mounts.filter(({ source }) => source === folder).map(({ mode }) => mode),
    ["ro"],
  );
  assert.doesNotMatch(JSON.stringify(spec), /a-secret-value/);
});
