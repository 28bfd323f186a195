/**
 * Writes the golden store of the current format version: `node packages/store-sqlite/tests/golden/make.ts`.
 * Run it once, when a format version is published, and check the file in; it refuses to touch one that
 * is there.
 */
import { existsSync, mkdirSync, mkdtempSync, copyFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { goldenBatches } from "./content.ts";

const directory = new URL("./format-1/", import.meta.url).pathname;
const file = join(directory, "actors.db");
if (existsSync(file)) throw new Error(`${file} is published: it is never written again`);

const path = mkdtempSync(join(tmpdir(), "holdfast-golden-"));
const store = await openSqliteStore({ path, ports: systemPorts() });
for (const batch of goldenBatches) await store.commit(batch);
await store.acquire("actor-2");
await store.close();
mkdirSync(directory, { recursive: true });
copyFileSync(join(path, "actors.db"), file);
rmSync(path, { recursive: true });
