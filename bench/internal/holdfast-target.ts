/** A server with one durable counter actor, on SQLite in a directory of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { actor } from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";

const counter = actor({
  state: { count: 0 },
  actions: {
    increment: (c, by: number) => {
      c.state.count += by;
      return c.state.count;
    },
  },
});

const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const registry = createRegistry({
  use: { counter },
  store: () => openSqliteStore({ path: directory, ports: systemPorts() }),
});
const listening = await registry.listen({ port: 0 });
process.on("message", () => {
  void registry.shutdown().then(() => {
    rmSync(directory, { recursive: true, force: true });
    process.disconnect();
  });
});
process.send?.({ port: listening.port });
