import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pluginLimits } from "../plugin-limits.ts";
import { withSettings } from "./plugin-settings.ts";

test("settings of plugins", async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "holdfast-settings-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const read = (content: unknown) => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    writeFileSync(join(dataDir, "plugins.json"), text);
    return withSettings(dataDir, { watch: false, config: { http: { a: 1 } } });
  };
  const connections = (count: number, server: object = { host: "mail.example", port: 993 }) => ({
    version: 1,
    plugins: {
      mail: { connections: Object.fromEntries(Array.from({ length: count }, (_, n) => [`c${n}`, server])) },
    },
  });

  await t.test("are what the program gives, where there is no file", async () => {
    assert.deepEqual(await withSettings(dataDir, { watch: false }), { watch: false });
  });

  await t.test("are grants and configuration, and the program goes before", async () => {
    const mail = { connections: { imap: { host: "mail.example", port: 993 } }, config: { address: "a" } };
    const files = {
      folders: { notes: { path: "/srv/notes", mode: "ro" } },
      ...{ diskBytes: 1_048_576, diskEntries: 16 },
    };
    assert.deepEqual(await read({ version: 1, plugins: { mail, files, http: { config: { a: 2 } } } }), {
      watch: false,
      grants: { mail: { connections: mail.connections }, files, http: {} },
      config: { mail: { address: "a" }, http: { a: 1 } },
    });
  });

  await t.test("have a bound", async () => {
    for (const count of [pluginLimits.maxConnections - 1, pluginLimits.maxConnections])
      await read(connections(count));
    await assert.rejects(read(connections(pluginLimits.maxConnections + 1)), { code: "invalid_settings" });
  });

  await t.test("that are not understood are refused", async () => {
    for (const content of [
      "no JSON",
      { version: 2, plugins: {} },
      { version: 1, plugins: {}, more: 1 },
      { version: 1, plugins: { mail: { conections: {} } } },
      { version: 1, plugins: { "../mail": {} } },
      { version: 1, plugins: { http: { hosts: [{ host: "a.example", credential: { value: "x" } }] } } },
      { version: 1, plugins: { files: { diskBytes: 1_048_575 } } },
      { version: 1, plugins: { files: { diskEntries: 15 } } },
      connections(1, { host: "mail.example", port: 0 }),
      connections(1, { host: "mail.example", port: 65_536 }),
      connections(1, { host: "a b", port: 25 }),
    ]) {
      await assert.rejects(read(content), { group: "plugin", code: "invalid_settings" });
    }
  });
});
