/** What a gate that was killed in the middle of writing a file has left of it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { gateWith, handlerOf, installPlugin, manifestOf, resultOf } from "./plugin-support.ts";
import { openGate, temporaryDirectory } from "./support.ts";

const jails = { driver: "none", allowUnsafe: true } as const;

/** As it is found an hour later, unless it is being written now. */
function leave(path: string, text: string, minutesAgo = 60): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o600 });
  const then = Date.now() / 1_000 - minutesAgo * 60;
  utimesSync(path, then, then);
  return path;
}

test("secrets that were not stored in the end go with the next that is, and those of other writers stay", async (t) => {
  const dataDir = temporaryDirectory(t);
  const vault = join(dataDir, "vault");
  const gone = [
    leave(join(vault, ".credentials.json.0123456789ab.tmp"), "of a killed gate"),
    leave(join(vault, "credentials.json.0123456789ab.tmp"), "of one of an earlier release"),
    leave(join(vault, ".key.0123456789ab.tmp"), "of a killed gate"),
    leave(join(dataDir, ".policy.json.0123456789ab.tmp"), "of a killed gate"),
  ];
  const kept = [
    leave(join(vault, ".credentials.json.ba9876543210.tmp"), "being written", 1),
    leave(join(vault, ".credentials.json.tmp"), "of somebody else"),
    leave(join(vault, ".credentials.json.old.0123456789ab.tmp"), "of somebody else"),
  ];
  const gate = await openGate(t, { dataDir, jails });
  await gate.vault.setSecret({ name: "token", owner: {} }, "a-secret-value");
  await gate.addPolicyRule({ id: "one", tools: ["echo"], action: "allow" }, { by: "ada" });
  assert.deepEqual(gone.filter(existsSync), []);
  assert.deepEqual(kept.filter(existsSync), kept);
});

test("a credential that was not stored in the end is none of the plugin's", async (t) => {
  const keys = ["TOKEN", ".TOKEN.0123456789ab.tmp", "TOKEN.0123456789ab.tmp"];
  const keeper = {
    "manifest.json": manifestOf([{ name: "keeper_read" }]),
    "handler.js": handlerOf({
      keeper_read: `const has = (key) => { try { return services.readCredential(key) !== ""; } catch { return false; } };
        return { ok: true, result: { present: ${JSON.stringify(keys)}.filter(has) } };`,
    }),
  };
  const { gate, dataDir } = await gateWith(t, { keeper }, { jails });
  const folder = join(dataDir, "credentials", "plugins", "keeper");
  for (const key of keys.slice(1)) leave(join(folder, key), "an-old-token");
  await gate.plugins.setCredential("keeper", "TOKEN", "a-token-of-now");
  assert.deepEqual((await resultOf(gate, "keeper_read"))["present"], ["TOKEN"]);
  assert.deepEqual(readdirSync(folder), ["TOKEN"]);
});

test("a plugin that names its digest loads after a gate was killed while it was configured", async (t) => {
  const dataDir = temporaryDirectory(t);
  const handler = handlerOf({ pinned_say: "return { ok: true, result: {} };" });
  const hash = (text: string) => createHash("sha256").update(text).digest("hex");
  const folder = installPlugin(dataDir, "pinned", {
    "manifest.json": manifestOf([{ name: "pinned_say" }], {
      digest: `sha256:${hash(`handler.js\0${hash(handler)}\n`)}`,
    }),
    "handler.js": handler,
  });
  leave(join(folder, ".config.json.0123456789ab.tmp"), "{");
  leave(join(folder, "config.json.0123456789ab.tmp"), "{");
  const gate = await openGate(t, { dataDir, jails, plugins: { watch: false } });
  assert.deepEqual(await resultOf(gate, "pinned_say"), {});
  assert.deepEqual(readdirSync(folder), ["handler.js", "manifest.json"]);
});
