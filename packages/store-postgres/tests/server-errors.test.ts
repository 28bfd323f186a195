import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { afterTest } from "@holdfast/testing";
import { startPostgres } from "@holdfast/testing/postgres";
import type pg from "pg";
import {
  bytes,
  code,
  create,
  newSchema,
  next,
  openStore,
  patch,
  session,
  sharedServer,
  snapshot,
  tempDirectory,
} from "./support.ts";

const server = await sharedServer();

/** Makes the server fail writes of entries with an SQLSTATE, the first `times` times. */
async function failing(
  client: { query(text: string): Promise<unknown> },
  schema: string,
  state: string,
  times: number,
) {
  await client.query(`CREATE SEQUENCE ${schema}.failures`);
  await client.query(`CREATE FUNCTION ${schema}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('${schema}.failures') <= ${times} THEN RAISE EXCEPTION 'injected' USING ERRCODE = '${state}'; END IF;
      RETURN NEW; END $$`);
  await client.query(
    `CREATE TRIGGER fail BEFORE INSERT ON ${schema}.kv FOR EACH ROW EXECUTE FUNCTION ${schema}.fail()`,
  );
}

const put = (key: string) => ({ kv: [{ type: "put", key: bytes(key), value: bytes("v") } as const] });

for (const state of ["40001", "40P01"]) {
  test(`a turn that the server rolls back with ${state} is sent again, with those behind it`, async (t) => {
    const schema = newSchema();
    const store = await openStore(t, { url: server.url, schema });
    await failing(await session(t, server.url), schema, state, 3);
    const id = randomUUID();
    await store.commit(create(id, snapshot("s")));
    const turns = [next(id, 2, put("a")), next(id, 3, patch("p")), next(id, 4, patch("q"))];
    await Promise.all(turns.map((turn) => store.commit(turn)));
    const loaded = await store.acquire(id);
    assert.equal(loaded.record.version, 4);
    assert.equal(loaded.state?.patches.length, 2);
    assert.deepEqual(await store.kvGet(id, bytes("a")), bytes("v"));
    assert.ok(store.stats().retries >= 3);
  });
}

test("two transactions that wait for each other: the turn is the victim, and is sent again", async (t) => {
  const schema = newSchema();
  const store = await openStore(t, { url: server.url, schema });
  const id = randomUUID();
  await store.commit(create(id, put("a")));
  const client = await session(t, server.url);
  // So that the turn, and not this session, notices the deadlock.
  await client.query("SET deadlock_timeout = '60s'");
  await client.query("BEGIN");
  await client.query(`UPDATE ${schema}.kv SET value = value`);
  const committed = store.commit(next(id, 2, put("a")));
  await waiting(await session(t, server.url));
  await client.query(`UPDATE ${schema}.actor SET wake_at = wake_at`);
  await client.query("COMMIT");
  await committed;
  assert.equal((await store.get(id))?.version, 2);
  // More than one if it is back before the other session has taken the row for which that waits.
  assert.ok(store.stats().retries >= 1);
});

/** Resolves when a session of the server waits for a lock. */
async function waiting(client: pg.Client): Promise<void> {
  const deadline = AbortSignal.timeout(30_000);
  for (;;) {
    const { rows } = await client.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    if (rows.length > 0) return;
    deadline.throwIfAborted();
  }
}

test("a full disk fails the turn and those behind it, and the actor goes on", async (t) => {
  const schema = newSchema();
  const store = await openStore(t, { url: server.url, schema });
  await failing(await session(t, server.url), schema, "53100", 1);
  const id = randomUUID();
  await store.commit(create(id, snapshot("s")));
  const failed = assert.rejects(store.commit(next(id, 2, put("a"))), code("store", "full"));
  const behind = assert.rejects(store.commit(next(id, 3, patch("p"))), code("actor", "fenced"));
  await Promise.all([failed, behind]);
  await store.commit(next(id, 2, put("a")));
  assert.equal((await store.get(id))?.version, 2);
});

for (const how of ["stop", "crash"] as const) {
  test(`commits go on when the server ends (${how}) and starts again; nothing acknowledged is lost`, async (t) => {
    const own = await startPostgres();
    afterTest(t, () => own.stop());
    const store = await openStore(t, { url: own.url, retryForMs: 60_000 });
    const actors = Array.from({ length: 16 }, () => ({ id: randomUUID(), version: 0 }));
    let isOver = false;
    const drive = async (actor: { readonly id: string; version: number }) => {
      await store.commit(create(actor.id, snapshot("s")));
      for (actor.version = 1; !isOver; actor.version += 1) {
        await store.commit(next(actor.id, actor.version + 1, patch(`${actor.version + 1}`)));
      }
    };
    const driven = Promise.all(actors.map(drive));
    for (let round = 0; round < 2; round += 1) {
      const before = store.stats().commits;
      while (store.stats().commits < before + 200) await new Promise((resolve) => setImmediate(resolve));
      await own[how]();
      await own.restart();
    }
    const before = store.stats().commits;
    while (store.stats().commits < before + 200) await new Promise((resolve) => setImmediate(resolve));
    isOver = true;
    await driven;
    for (const { id, version } of actors) {
      const { record, state } = await store.acquire(id);
      assert.equal(record.version, version);
      const texts = state?.patches.map((part) => new TextDecoder().decode(part));
      assert.deepEqual(
        texts,
        Array.from({ length: version - 1 }, (_, at) => `${at + 2}`),
      );
    }
  });
}

test("a server that does not sync its commits is refused", async (t) => {
  const client = await session(t, server.url);
  await client.query("CREATE ROLE careless LOGIN SUPERUSER");
  await client.query("ALTER ROLE careless SET synchronous_commit = off");
  const url = server.url.replace("holdfast@", "careless@");
  await assert.rejects(openStore(t, { url }), code("store", "not_durable"));
});

test("a server that cannot be reached is store.unavailable, and its message says what to do", async (t) => {
  const url = "postgres://holdfast@127.0.0.1:1/postgres";
  await assert.rejects(openStore(t, { url }), (error: Error) => {
    assert.match(error.message, /Check that its server runs/);
    return code("store", "unavailable")(error);
  });
});

test("commits beyond the limit are refused, and those that wait are not affected", async (t) => {
  const store = await openStore(t, { url: server.url, maxWaitingCommits: 2 });
  const ids = [randomUUID(), randomUUID(), randomUUID()];
  const results = await Promise.allSettled(ids.map((id) => store.commit(create(id))));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected"],
  );
  await store.commit(create(ids[2] ?? ""));
});

test("a closed store refuses everything, and one process uses a cache directory", async (t) => {
  const schema = newSchema();
  const cachePath = tempDirectory(t);
  const store = await openStore(t, { url: server.url, schema, cachePath });
  await assert.rejects(openStore(t, { url: server.url, schema, cachePath }), code("store", "locked"));
  const id = randomUUID();
  const committed = store.commit(create(id));
  await store.close();
  await committed;
  await assert.rejects(store.commit(next(id, 2)), code("store", "closed"));
  await assert.rejects(store.get(id), code("store", "closed"));
  await assert.rejects(store.kvGet(id, bytes("k")), code("store", "closed"));
  const again = await openStore(t, { url: server.url, schema, cachePath });
  assert.equal((await again.get(id))?.version, 1);
});
