/** From where a plugin came, and what it leaves to one that takes its name. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { commit, manifestOf, refusal, resultOf, writeFiles } from "./plugin-support.ts";
import { missing, openGate, temporaryDirectory } from "./support.ts";

const skip = missing("bwrap", "git");

test("credentials and data of a removed plugin are not for one that comes from elsewhere", {
  skip,
}, async (t) => {
  const dataDir = temporaryDirectory(t);
  const repositories = temporaryDirectory(t);
  const source = `file://${repositories}/`;
  const gate = await openGate(t, { dataDir, plugins: { watch: false, installSources: [source] } });
  const keeping = {
    "manifest.json": manifestOf([{ name: "hi_say" }, { name: "hi_keep" }]),
    "handler.js": `import { readdirSync, writeFileSync } from "node:fs";
      let services;
      export default {
        async initialize(given) { services = given; },
        async handleToolInvocation(tool) {
          if (tool === "hi_keep") writeFileSync(services.dataDirectory + "/kept", "x");
          let token = null;
          try { token = services.readCredential("TOKEN"); } catch {}
          return { ok: true, result: { token, data: readdirSync(services.dataDirectory) } };
        },
        async shutdown() {},
      };`,
    "skills/say.md": "# say",
  };
  for (const each of ["first", "other", "broken"]) {
    mkdirSync(join(repositories, each));
    const files = each === "broken" ? { ...keeping, "handler.js": "export default {" } : keeping;
    commit(join(repositories, each), files);
  }
  const install = (from: string) => ({ url: `${source}${from}`, name: "hi" });
  const installed = (from: string) => resultOf(gate, "plugin_install", install(from));
  const refusedFrom = (from: string) => refusal(gate, "plugin_install", install(from));
  const remove = (more: Record<string, unknown> = {}) =>
    resultOf(gate, "plugin_remove", { name: "hi", ...more });
  const credentials = join(dataDir, "credentials", "plugins", "hi");
  const data = join(dataDir, "gate", "plugins", "hi", "data");
  const token = () => writeFiles(dataDir, { "credentials/plugins/hi/TOKEN": "a-token-of-the-first" });

  // A person may put them there before the first one; an attempt that failed leaves the name to others.
  token();
  assert.match(await refusedFrom("broken"), /was not installed/);
  await installed("first");
  await resultOf(gate, "hi_keep");
  await remove();
  const text = await refusedFrom("other");
  assert.match(text, /from another origin/);
  assert.ok(text.includes(credentials) && text.includes(data));
  // The same one finds what it had.
  await installed("first");
  assert.deepEqual(await resultOf(gate, "hi_say"), { token: "a-token-of-the-first", data: ["kept"] });
  await remove({ remove_credentials: true });
  assert.doesNotMatch(await refusedFrom("other"), new RegExp(`${credentials}[,)]`));
  rmSync(data, { recursive: true });
  await installed("other");
  assert.deepEqual(await resultOf(gate, "hi_say"), { token: null, data: [] });
  // One of which nothing is left gives its name free, whatever a person puts there next.
  await remove();
  token();
  await installed("first");
  // So does no folder that a person put there, or took away.
  renameSync(join(dataDir, "plugins", "hi"), join(dataDir, "aside"));
  await gate.plugins.reload();
  assert.match(await refusedFrom("other"), /from another origin/);
  renameSync(join(dataDir, "aside"), join(dataDir, "plugins", "own"));
  rmSync(join(dataDir, "credentials", "plugins", "hi"), { recursive: true });
  await gate.plugins.reload("own");
  writeFiles(dataDir, { "credentials/plugins/own/TOKEN": "a-token-of-the-first" });
  await resultOf(gate, "plugin_remove", { name: "own" });
  const own = await refusal(gate, "plugin_install", { url: `${source}other`, name: "own" });
  assert.match(own, /from another origin/);
});

test("what the operator gives to a plugin is not for one that comes from elsewhere", { skip }, async (t) => {
  const repositories = temporaryDirectory(t);
  const source = `file://${repositories}/`;
  const notes = { path: temporaryDirectory(t), mode: "rw" } as const;
  const plugins = {
    ...{ watch: false, installSources: [source] },
    grants: { hi: { folders: { notes } } },
    config: { ho: { most: 2 } },
  };
  const gate = await openGate(t, { plugins });
  for (const name of ["hi", "ho"]) {
    for (const from of ["first", "other"]) {
      mkdirSync(join(repositories, name, from), { recursive: true });
      commit(join(repositories, name, from), {
        "manifest.json": manifestOf([{ name: `${name}_folders` }], {
          config_schema: { type: "object", properties: { most: { type: "integer" } } },
        }),
        "handler.js": `let services;
          export default {
            async initialize(given) { services = given; },
            async handleToolInvocation() {
              const { folders = {}, config } = services;
              return { ok: true, result: { folders: Object.keys(folders), config } };
            },
          };`,
        "skills/say.md": "# say",
      });
    }
    const install = (from: string) => ({ url: `${source}${name}/${from}`, name });
    // Before the first one it may be meant for whichever comes.
    await resultOf(gate, "plugin_install", install("first"));
    const given = name === "hi" ? { folders: ["notes"], config: {} } : { folders: [], config: { most: 2 } };
    assert.deepEqual(await resultOf(gate, `${name}_folders`), given);
    await resultOf(gate, "plugin_remove", { name });
    assert.match(
      await refusal(gate, "plugin_install", install("other")),
      /from another origin left grants of the operator/,
    );
    await resultOf(gate, "plugin_install", install("first"));
    assert.deepEqual(await resultOf(gate, `${name}_folders`), given);
  }
});
