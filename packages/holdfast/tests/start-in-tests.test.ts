import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLogger, isErrorCode, type LogRecord, systemPorts } from "@holdfast/core";
import { removeAtExit } from "@holdfast/testing/scratch";
import { actor, setup } from "../src/index.ts";

test("a start that nobody awaits does not end a test whose neighbour has the data directory", async (t) => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "holdfast-start-"));
  removeAtExit(dataDirectory);
  const told = Promise.withResolvers<LogRecord>();
  const program = () =>
    setup({
      use: { counter: actor({ state: { count: 0 }, actions: {} }) },
      dataDirectory,
      noWelcome: true,
      httpPort: 0,
      shutdown: { disableSignalHandlers: true },
      ports: systemPorts(createLogger("warn", (record) => told.resolve(record))),
    });
  const neighbour = program();
  await neighbour.startAndWait();
  t.after(() => neighbour.shutdown());

  const registry = program();
  t.after(() => registry.shutdown());
  void registry.start();
  const { level, message } = await told.promise;
  assert.equal(level, "warn");
  assert.match(message, /another process of theirs does/);
  await assert.rejects(registry.start(), (error) => isErrorCode(error, "store", "locked"));
});
