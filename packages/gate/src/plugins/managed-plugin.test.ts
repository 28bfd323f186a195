/** How one plugin is handed its events, with a launcher that never gets a process started. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { HoldfastError, type Logger, silentLogger, systemClock } from "@holdfast/core";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { JailDriver, Jails } from "../jail/jail.ts";
import { KnownSecrets } from "../vault/redaction/known-secrets.ts";
import { PluginCredentials } from "./credentials/credentials.ts";
import { ManagedPlugin } from "./managed-plugin.ts";
import { pluginName } from "./manifest/names.ts";
import { readPluginFolder } from "./manifest/plugin-folder.ts";
import { PluginLauncher } from "./process/launcher.ts";
import type { EventEnvelope } from "./runtime/api.ts";

const secret = "canary-secret-value";

/** A plugin that hears of all tasks and whose process never starts; what it logs is told with its error. */
async function pluginWithoutProcess(onWarning: (message: string, error: unknown) => void) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-plugin-"));
  removeAtExit(directory);
  const at = join(directory, "plugins", "one");
  mkdirSync(at, { recursive: true });
  const manifest = {
    ...{ description: "hears", version: "1.0.0", app_compat: ">=0.1.0", author: { name: "Test" } },
    ...{ provides: { channels: [], tools: [] }, subscribes: ["task.*"] },
  };
  writeFileSync(join(at, "manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(at, "handler.js"), "export default {};");
  const refusal = new HoldfastError("jail", "unavailable", `no jails for ${secret}`);
  const refuse = () => Promise.reject(refusal);
  const driver: JailDriver = {
    ...{ name: "bubblewrap", unsafe: false, guarantees: [], start: refuse },
    selfTest: async () => ({ ok: true, guarantees: [], durationMs: 0 }),
    endOrphans: async () => 0,
    close: async () => {},
  };
  const jails: Jails = { driver, list: () => [], running: () => [], start: refuse, runTool: refuse };
  const log: Logger = {
    ...silentLogger,
    warn: (message, fields) => onWarning(message, fields?.["error"]),
  };
  return new ManagedPlugin(
    await readPluginFolder({ name: pluginName("one"), directory: at, source: "user" }),
    {
      launcher: new PluginLauncher({
        jails,
        dataDirectory: join(directory, "data"),
        openEgress: refuse,
      }),
      credentials: new PluginCredentials(join(directory, "credentials"), () => {}),
      ...{ grant: {}, clock: systemClock, log, catalog: () => [] },
      scanner: () => new KnownSecrets().scanner(),
      redact: (text) => text.replaceAll(secret, "[redacted]"),
      publish: async () => {},
      auditOf: async () => [],
    },
  );
}

const event = (id: string): EventEnvelope => ({
  ...{ id, version: 1, type: "event", topic: "task.done", source: "plugin:other", correlation: null },
  ...{ timestamp: new Date(0).toISOString(), group: "alpha", payload: {} },
});

test("an event that arrives as the delivery of the previous one ends is delivered immediately", async () => {
  const warnings: string[] = [];
  const both = Promise.withResolvers<void>();
  const plugin = await pluginWithoutProcess((message) => {
    warnings.push(message);
    // After the step that ends the work on the first, and before any other.
    if (warnings.length === 1) queueMicrotask(() => plugin.deliver(event("2")));
    else both.resolve();
  });
  assert.equal(plugin.deliver(event("1")), true);
  const timer = setTimeout(() => both.reject(new Error("the second was not handed over")), 5_000);
  await both.promise.finally(() => clearTimeout(timer));
  assert.deepEqual(warnings, [
    "an event could not be delivered to a plugin",
    "an event could not be delivered to a plugin",
  ]);
});

test("the reason why a plugin does not start contains no secret, in its status and in the log", async () => {
  const told = Promise.withResolvers<unknown>();
  const plugin = await pluginWithoutProcess((_message, error) => told.resolve(error));
  plugin.deliver(event("1"));
  assert.match(String(await told.promise), /no jails for \[redacted\]/);
  assert.equal(plugin.status.failure?.message, "no jails for [redacted]");
});
