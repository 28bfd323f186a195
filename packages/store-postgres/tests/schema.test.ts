import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { openPostgresStore } from "@holdfast/store-postgres";
import { code, create, newSchema, openStore, session, sharedServer, tempDirectory } from "./support.ts";

const server = await sharedServer();

test("nodes that start together on an empty database create the tables once", async (t) => {
  const schema = newSchema();
  const stores = await Promise.all(
    Array.from({ length: 6 }, () => openStore(t, { url: server.url, schema })),
  );
  const ids = stores.map(() => randomUUID());
  await Promise.all(stores.map((store, at) => store.commit(create(ids[at] ?? ""))));
  assert.equal(await stores[0]?.count({}), 6);
});

test("an older node refuses the tables of a newer release, and leaves them as they are", async (t) => {
  const schema = newSchema();
  await (await openStore(t, { url: server.url, schema })).close();
  const client = await session(t, server.url);
  await client.query(`UPDATE ${schema}.meta SET value = 99 WHERE key = 'schema_version'`);
  await assert.rejects(openStore(t, { url: server.url, schema }), (error: Error) => {
    assert.match(
      error.message,
      /has version 99; this release supports versions up to 1. Use a newer release/,
    );
    return code("store", "format_too_new")(error);
  });
  const { rows } = await client.query(`SELECT value FROM ${schema}.meta WHERE key = 'schema_version'`);
  assert.equal(rows[0]?.value, "99");
});

test("the number of shards is fixed by the first node", async (t) => {
  const schema = newSchema();
  const cachePath = tempDirectory(t);
  const store = await openStore(t, { url: server.url, schema, shards: 8 });
  const options = { url: server.url, schema, cachePath, ports: systemPorts() };
  await assert.rejects(openPostgresStore({ ...options, shards: 16 }), code("store", "invalid_options"));
  await assert.rejects(openPostgresStore({ ...options, shards: 12 }), code("store", "invalid_options"));
  await Promise.all(Array.from({ length: 50 }, () => store.commit(create(randomUUID()))));
  const again = await openStore(t, options);
  assert.equal(await again.count({}), 50);
  const client = await session(t, server.url);
  const { rows } = await client.query(
    `SELECT count(DISTINCT shard)::int AS n, max(shard) AS last FROM ${schema}.actor`,
  );
  assert.deepEqual(rows, [{ n: 8, last: 7 }]);
});

test("the name of a schema cannot carry SQL", async (t) => {
  const attempt = openStore(t, { url: server.url, schema: 'a"; DROP SCHEMA public; --' });
  await assert.rejects(attempt, code("store", "invalid_options"));
});
