import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";
import { killAfter, ready, startScript } from "./killed.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const kills = process.env["HOLDFAST_TEST_HEAVY"] === "1" ? 50 : 12;
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

/** The highest version of each actor that the history tells of. */
function highest(historyFile: string, word: string): Map<string, number> {
  const found = new Map<string, number>();
  if (!existsSync(historyFile)) return found;
  for (const line of readFileSync(historyFile, "utf8").split("\n")) {
    const [kind, id, version] = line.split(" ");
    if (kind === word && id !== undefined) found.set(id, Number(version));
  }
  return found;
}

/** Rows, state, entries, wake-up and version of an actor are of one and the same commit. */
async function verify(store: SqliteStore, id: string, acknowledged: number, tried: number): Promise<void> {
  const known = await store.get(id);
  if (known === undefined) {
    assert.equal(acknowledged, 0, `${id} was acknowledged and is not there`);
    return;
  }
  const due = (await store.due(Number.MAX_SAFE_INTEGER, 100)).actors.find((actor) => actor.id === id);
  const { record, state } = await store.acquire(id);
  const { version } = record;
  assert.ok(version >= acknowledged, `${id} has version ${version}, ${acknowledged} was acknowledged`);
  assert.ok(version <= Math.max(tried, acknowledged), `${id} has version ${version}, ${tried} was tried`);
  assert.equal(text(state?.patches.at(-1) ?? state?.snapshot), String(version));
  assert.equal(text(await store.kvGet(id, new TextEncoder().encode("0"))), String(version));
  assert.equal(record.wakeAt, 1_000_000 + version);
  assert.equal(due?.wakeAt, 1_000_000 + version);
  const database = await store.databases.open(id, record.epoch, false);
  const rows = database.prepare("SELECT count(*) AS rows, max(n) AS last FROM item")?.rows();
  assert.deepEqual(rows, [{ rows: version, last: version }]);
  assert.deepEqual(database.prepare("PRAGMA integrity_check")?.values(), [["ok"]]);
  database.close();
}

test("actors with a database that are killed at any moment have each turn whole or not at all", async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const random = seededRandom(seed);
  const directory = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
  const data = join(directory, "data");
  const acknowledged = new Map<string, number>();
  const tried = new Map<string, number>();
  try {
    for (let kill = 0; kill < kills; kill++) {
      const history = join(directory, `history-${kill}`);
      const child = startScript("./database-load.ts", [data, history]);
      if (random.next() < 0.8) {
        await ready(child);
        await killAfter(child, random.integer(0, 250));
      } else {
        await killAfter(child, random.integer(20, 250));
      }
      for (const [id, version] of highest(history, "try")) tried.set(id, version);
      for (const [id, version] of highest(history, "ack")) acknowledged.set(id, version);
      const store = await openSqliteStore({ path: data, ports: systemPorts() });
      for (const id of ["db-actor-0", "db-actor-1", "db-actor-2"]) {
        await verify(store, id, acknowledged.get(id) ?? 0, tried.get(id) ?? 0);
      }
      await store.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  const total = [...acknowledged.values()].reduce((sum, version) => sum + version, 0);
  t.diagnostic(`${total} turns in ${kills} lives`);
  assert.ok(total > kills, "the process was killed before it did anything");
});
