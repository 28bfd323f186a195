/** A gate takes the built-in plugins as they are: what it checks of a user's plugin is checked of them here. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createGate, type JsonSchema } from "@holdfast/gate";
import { validatePlugin } from "@holdfast/gate/plugin-kit";
import { pluginsDirectory } from "@holdfast/plugins";
import { removeAtExit } from "@holdfast/testing/scratch";
import { provenJails } from "./proven-jails.ts";

interface Manifest {
  readonly provides: {
    readonly tools: readonly {
      readonly name: string;
      readonly arguments_schema: JsonSchema;
      readonly output_schema?: JsonSchema;
    }[];
  };
}

const plugins = readdirSync(pluginsDirectory, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => ({ name, directory: join(pluginsDirectory, name) }));

/** The tools of all plugins, as if others had written them. */
function tools() {
  return plugins.flatMap(({ name, directory }) => {
    const { provides } = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as Manifest;
    return provides.tools.map((tool) => ({
      ...{ name: tool.name, description: "", plugin: name, pluginVersion: "1", riskLevel: "low" as const },
      argumentsSchema: tool.arguments_schema,
      ...(tool.output_schema === undefined ? {} : { outputSchema: tool.output_schema }),
    }));
  });
}

describe("built-in plugins", () => {
  for (const { name, directory } of plugins) {
    test(`${name} has a valid manifest`, async () => {
      const { problems } = await validatePlugin(directory);
      assert.deepEqual(problems, []);
    });
  }

  test("all schemas of their tools can be compiled", async (t) => {
    const dataDir = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-manifests-")));
    chmodSync(dataDir, 0o755);
    removeAtExit(dataDir);
    const gate = await createGate({ dataDir, jails: provenJails, plugins: { watch: false } });
    t.after(() => gate.close());
    const all = tools();
    assert.ok(all.length > 20);
    gate.tools.register({
      name: "all",
      tools: () => all,
      invoke: () => assert.fail("not asked to"),
      onChange: () => () => {},
    });
  });
});
