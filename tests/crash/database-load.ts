/**
 * A process that is killed: actors with a database each, whose rows, state and entries tell the same
 * number. It writes a line to its history before each commit and after each acknowledgement.
 */
import { appendFileSync } from "node:fs";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";

const [path = "", historyFile = ""] = process.argv.slice(2);
const actors = ["db-actor-0", "db-actor-1", "db-actor-2"];
const store = await openSqliteStore({ path, ports: systemPorts(), maxOpenFiles: 2 });

function note(...words: readonly (string | number)[]): void {
  appendFileSync(historyFile, `${words.join(" ")}\n`);
}

function bytesOf(version: number): Uint8Array {
  return new TextEncoder().encode(String(version));
}

async function lane(id: string): Promise<void> {
  const known = await store.get(id);
  const loaded = known === undefined ? undefined : await store.acquire(id);
  let version = loaded?.record.version ?? 0;
  const epoch = loaded?.record.epoch ?? 1;
  let database = await store.databases.open(id, epoch, known === undefined);
  if (known === undefined) database.prepare("CREATE TABLE item (n INTEGER, pad BLOB)")?.rows();
  for (;;) {
    version += 1;
    database.prepare("INSERT INTO item VALUES (?, zeroblob(?))")?.rows([version, (version * 977) % 20_000]);
    note("try", id, version);
    await store.commit({
      actorId: id,
      epoch,
      version,
      commitId: `${id}.${epoch}.${version}`,
      ...(version === 1 ? { create: { name: "db", key: [id], createdAt: 1 } } : {}),
      database: true,
      state: { type: version % 50 === 1 ? "snapshot" : "patch", bytes: bytesOf(version) },
      kv: [{ type: "put", key: bytesOf(0), value: bytesOf(version) }],
      wakeAt: 1_000_000 + version,
    });
    note("ack", id, version);
    if (version === 3) process.send?.("ready");
    if (version % 40 === 0) {
      // Closed and opened again, as an actor that sleeps.
      database.close();
      database = await store.databases.open(id, epoch, false);
    }
  }
}

if ((await store.get(actors[0] ?? "")) !== undefined) process.send?.("ready");
await Promise.all(actors.map(lane));
