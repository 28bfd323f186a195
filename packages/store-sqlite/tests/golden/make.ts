/**
 * Writes the golden store of the current format version: `node packages/store-sqlite/tests/golden/make.ts`. Run it
 * once, when a format version is published, and commit the file. It never overwrites an existing one.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { databaseActor, goldenBatches, pastBatches } from "./content.ts";

const directory = new URL("./format-3/", import.meta.url).pathname;
const file = join(directory, "actors.db");
if (existsSync(file)) throw new Error(`${file} is published: it is never written again`);

const path = mkdtempSync(join(tmpdir(), "holdfast-golden-"));
const store = await openSqliteStore({ path, ports: systemPorts() });
for (const batch of [...goldenBatches, ...pastBatches]) await store.commit(batch);
const database = await store.databases.open(databaseActor.actorId, 1, true);
database.prepare("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)")?.rows();
database.prepare("INSERT INTO item (name) VALUES ('row')")?.rows();
await store.commit(databaseActor);
await store.acquire("actor-2");
await store.close();
cpSync(path, directory, { recursive: true, filter: (name) => !name.includes("store-lock") && !name.endsWith("scratch") });
rmSync(path, { recursive: true });
