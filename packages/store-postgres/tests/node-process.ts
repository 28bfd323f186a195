/**
 * A node of its own: owns an actor with a database, and inserts a row with each turn. Prints the version of each turn
 * once it is acknowledged, and the code of the error that ends it. Usage: `<url> <schema> <cache> <actor>`.
 */
import { randomUUID } from "node:crypto";
import { isHoldfastError, systemPorts } from "@holdfast/core";
import { openPostgresStore } from "@holdfast/store-postgres";

const [url = "", schema = "", cachePath = "", id = ""] = process.argv.slice(2);
const store = await openPostgresStore({ url, schema, cachePath, ports: systemPorts() });
const database = await store.databases.open(id, 1, true);
database.prepare("CREATE TABLE item (version INTEGER PRIMARY KEY, text TEXT)")?.rows();
const create = { name: "node", key: [id], createdAt: 1 };
try {
  for (let version = 1; ; version += 1) {
    database.prepare("INSERT INTO item VALUES (?, ?)")?.rows([version, "x".repeat(version % 5_000)]);
    await store.commit({
      ...{ actorId: id, epoch: 1, version, commitId: randomUUID(), database: true },
      ...(version === 1 ? { create } : {}),
    });
    process.stdout.write(`${version}\n`);
  }
} catch (error) {
  process.stdout.write(`${isHoldfastError(error) ? `${error.group}.${error.code}` : String(error)}\n`);
}
process.exit();
