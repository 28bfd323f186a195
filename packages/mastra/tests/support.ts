import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { removeAtExit } from "@holdfast/testing/scratch";
import { mastraActors } from "../src/index.ts";

/** A directory for the data of a registry. */
export function dataDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-mastra-"));
  removeAtExit(path);
  return path;
}

/** A registry with the actors of this package; its data outlive it. */
export function openRegistry(path: string) {
  const ports = systemPorts();
  return createRegistry({
    use: { ...mastraActors() },
    ports,
    store: () => openSqliteStore({ path, ports }),
  });
}
