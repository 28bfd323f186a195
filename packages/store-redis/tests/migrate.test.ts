/** Migrations into Redis that are repeated, refused, or find a difference. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode, silentLogger, systemPorts } from "@holdfast/core";
import { migrateToRedis, planMigration } from "@holdfast/store-redis";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";
import { afterTest } from "@holdfast/testing";
import { sharedRedis } from "@holdfast/testing/redis";
import { openStore, tempDirectory } from "./support.ts";

const server = await sharedRedis();
const ports = { ...systemPorts(), log: silentLogger };
const code = (name: string) => (error: unknown) => isErrorCode(error, "migrate", name);

/** A store on SQLite with an actor that has a state, an entry and a call record, and one that was destroyed. */
async function source(t: TestContext) {
  const store = await openSqliteStore({ path: join(tempDirectory(t), "actors"), ports });
  afterTest(t, () => store.close());
  const id = randomUUID();
  const create = { name: "plain", key: ["a"], createdAt: 1 };
  const bytes = Uint8Array.of(1, 2, 3);
  const expiresAt = Date.now() + 3_600_000;
  await store.commit({
    ...{ actorId: id, epoch: 1, version: 1, commitId: randomUUID(), create, wakeAt: expiresAt },
    state: { type: "snapshot", bytes },
    kv: [{ type: "put", key: bytes, value: bytes }],
    calls: [{ key: "once", status: "done", outcome: bytes, expiresAt }],
  });
  const gone = { actorId: randomUUID(), epoch: 1, commitId: randomUUID() };
  await store.commit({ ...gone, version: 1, create: { ...create, key: ["b"] } });
  await store.commit({ ...gone, version: 2, destroyedAt: 5 });
  return { store, id, expiresAt };
}

async function migrated(store: SqliteStore, url: string) {
  const archives = await store.archives();
  try {
    const plan = await planMigration({ url, ports, source: archives });
    return { plan, report: await migrateToRedis({ url, ports, source: archives }) };
  } finally {
    archives.close();
  }
}

test("a migration that has finished is repeated without work, and refused once its source has changed", async (t) => {
  const url = server.url();
  const { store, id, expiresAt } = await source(t);
  const first = await migrated(store, url);
  assert.deepEqual([first.plan.state, first.plan.existing, first.plan.destroyed], ["not begun", 1, 1]);
  const { existing, destroyed, log, entries, calls, isRepeated } = first.report;
  assert.deepEqual([existing, destroyed, log, entries, calls, isRepeated], [1, 1, 1, 1, 1, false]);
  const second = await migrated(store, url);
  assert.deepEqual([second.plan.state, second.report.isRepeated], ["finished", true]);
  const moved = await openStore(t, { url, ports });
  assert.equal((await moved.call(id, "once"))?.expiresAt, expiresAt);
  assert.deepEqual(
    (await moved.due(expiresAt, 10)).actors.map(({ key }) => key),
    [["a"]],
  );
  assert.equal((await moved.acquire(id)).record.epoch, 2);
  await store.commit({ actorId: id, epoch: 1, version: 2, commitId: randomUUID() });
  await assert.rejects(migrated(store, url), code("source_changed"));
});

test("a place with other actors is refused, and an actor that differs is found", async (t) => {
  const { store, id } = await source(t);
  const used = server.url();
  const other = await openStore(t, { url: used, ports });
  const create = { name: "plain", key: ["own"], createdAt: 1 };
  await other.commit({ actorId: randomUUID(), epoch: 1, version: 1, commitId: randomUUID(), create });
  await other.close();
  await assert.rejects(migrated(store, used), code("not_empty"));

  const prefix = `differs-${randomUUID()}`;
  const url = server.url(prefix);
  await migrated(store, url);
  await assert.rejects(migrated((await source(t)).store, url), code("not_empty"));
  const meta = `{${prefix}}:meta`;
  const [mark = ""] = server.execute("HGET", meta, "migration").split(" ");
  server.execute("HSET", meta, "migration", `${mark} 0`);
  server.execute("SET", `{${prefix}}:call:${id}:once`, "9999999999999:d:other");
  await assert.rejects(migrated(store, url), code("mismatch"));
  // What the next attempt finds is the same, until the source is written anew.
  server.execute("HSET", `{${prefix}}:actor:${id}`, "v", "7");
  const { plan, report } = await migrated(store, url);
  assert.deepEqual([plan.state, report.resumed, report.isRepeated], ["unfinished", 1, false]);
});
