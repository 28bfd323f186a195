import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { afterTest } from "@holdfast/testing";
import { create, newActor, next, type TestActor } from "@holdfast/testing/batches";
import { startRedis } from "@holdfast/testing/redis";
import { openStore, sql } from "./support.ts";

const server = await startRedis();
after(() => server.stop());

test("a server that is killed loses nothing that it acknowledged, and the store goes on", async (t) => {
  const url = server.url();
  const store = await openStore(t, { url });
  const actors = Array.from({ length: 8 }, () => ({ actor: newActor(), acknowledged: 0 }));
  let total = 0;
  let onEnough = () => {};
  const enough = new Promise<void>((resolve) => {
    onEnough = resolve;
  });
  let isOver = false;
  /** Commits until told to stop; each version is acknowledged before the next one is sent. */
  const work = async (each: { readonly actor: TestActor; acknowledged: number }): Promise<void> => {
    const { actor } = each;
    const database = await store.databases.open(actor.id, 1, true);
    sql(database, "CREATE TABLE item (version INTEGER PRIMARY KEY, text TEXT)");
    for (let version = 1; !isOver; version += 1) {
      sql(database, "INSERT INTO item VALUES (?, ?)", [version, "x".repeat(version % 2_000)]);
      const changes = {
        database: true,
        kv: [{ type: "put", key: Buffer.from("v"), value: Buffer.from(`${version}`) }],
      } as const;
      await store.commit(version === 1 ? create(actor, changes) : next(actor.id, version, 1, changes));
      each.acknowledged = version;
      total += 1;
      if (total >= 400) onEnough();
    }
  };
  const works = actors.map(work);
  await enough;
  const seen = actors.map(({ acknowledged }) => acknowledged);
  await server.kill();
  await server.restart();
  // The turns that the crash interrupted are settled or sent again.
  const before = total;
  const goesOn = (async () => {
    while (total < before + 50) await new Promise((resolve) => setImmediate(resolve));
  })();
  await Promise.race([goesOn, Promise.all(works)]);
  isOver = true;
  await Promise.all(works);
  const other = await openStore(t, { url });
  for (const [at, { actor, acknowledged }] of actors.entries()) {
    assert.ok(acknowledged >= (seen[at] ?? 0));
    const { record } = await other.acquire(actor.id);
    assert.equal(record.version, acknowledged);
    const database = await other.databases.open(actor.id, record.epoch, false);
    assert.deepEqual(sql(database, "SELECT count(*) AS n, max(version) AS last FROM item"), [
      { n: acknowledged, last: acknowledged },
    ]);
    assert.deepEqual(sql(database, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
    assert.equal(
      Buffer.from((await other.kvGet(actor.id, Buffer.from("v"))) ?? []).toString(),
      `${acknowledged}`,
    );
  }
});

test("a server that comes back without its last turns fences their owner", async (t) => {
  const { store, actor, database, restart } = await lossyServer(t);
  await restart();
  sql(database, "INSERT INTO item VALUES ('of a turn that cannot be')");
  await assert.rejects(
    store.commit(next(actor.id, 3, 1, { database: true })),
    (error) => isErrorCode(error, "actor", "fenced") || isErrorCode(error, "store", "indeterminate"),
  );
  const { record } = await store.acquire(actor.id);
  const again = await store.databases.open(actor.id, record.epoch, false);
  assert.deepEqual(sql(again, "SELECT name FROM item"), []);
});

test("after such a restart no copy of a database with the lost turns is used", async (t) => {
  const { store, actor, database, restart, url } = await lossyServer(t);
  await restart();
  assert.equal((await store.get(actor.id))?.version, 1);
  // It would be kept, with the version of the lost turn.
  database.close();
  const other = await openStore(t, { url });
  const taken = await other.acquire(actor.id);
  const fresh = await other.databases.open(actor.id, taken.record.epoch, false);
  // The third version does not touch the page of the second.
  for (const [table, version] of [["item", 2] as const, ["note", 3] as const]) {
    sql(fresh, `INSERT INTO ${table} VALUES (?)`, [`of version ${version}`]);
    await other.commit(next(actor.id, version, taken.record.epoch, { database: true }));
  }
  const { record } = await store.acquire(actor.id);
  const again = await store.databases.open(actor.id, record.epoch, false);
  assert.deepEqual(sql(again, "SELECT name FROM item"), [{ name: "of version 2" }]);
});

/** A server with an actor, whose second turn is lost when it starts again. */
async function lossyServer(t: TestContext) {
  const lossy = await startRedis({ appendonly: "no" });
  afterTest(t, () => lossy.stop());
  const url = `${lossy.url()}&durability=none`;
  const store = await openStore(t, { url });
  const actor = newActor();
  const database = await store.databases.open(actor.id, 1, true);
  for (const table of ["item", "note"]) sql(database, `CREATE TABLE ${table} (name TEXT)`);
  await store.commit(create(actor, { database: true }));
  lossy.execute("SAVE");
  sql(database, "INSERT INTO item VALUES ('lost')");
  await store.commit(next(actor.id, 2, 1, { database: true }));
  const restart = async () => {
    await lossy.kill();
    await lossy.restart();
  };
  return { store, actor, database, restart, url };
}
