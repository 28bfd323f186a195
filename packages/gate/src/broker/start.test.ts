import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";

test("a gate whose broker has a stand-in for a stage does not start", async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "holdfast-start-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  let replaced = 0;
  const hooks = registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.endsWith("/src/broker/broker.ts")) return loaded;
      const source = String(loaded.source);
      replaced += source.includes("new PayloadStage()") ? 1 : 0;
      const standIn = '({ name: "payload", run: (call) => call })';
      return { ...loaded, source: source.replace("new PayloadStage()", standIn) };
    },
  });
  t.after(() => hooks.deregister());
  const { createGate } = await import("../gate.ts");
  await assert.rejects(
    createGate({ dataDir, vault: { env: {}, logins: false }, jails: { driver: "none", allowUnsafe: true } }),
    (error) => isErrorCode(error, "broker", "stage_missing"),
  );
  assert.equal(replaced, 1);
});
