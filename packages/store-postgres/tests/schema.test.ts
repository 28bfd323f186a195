import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { openPostgresStore } from "@holdfast/store-postgres";
import type pg from "pg";
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
      /has version 99; this release supports versions up to 8. Use a newer release/,
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

test("lists and wake-ups are range reads of an index", async (t) => {
  const schema = newSchema();
  const store = await openStore(t, { url: server.url, schema });
  await store.commit(create(randomUUID(), { wakeAt: 5 }));
  const client = await session(t, server.url);
  await client.query(`INSERT INTO ${schema}.actor (shard, id, name, key, key_hash, epoch, version, last_commit,
      wake_at, created_at)
    SELECT n % 1024, n::text, 'bulk', '', sha256(n::text::bytea), 1, 1, '', 1000000 + n, 1
    FROM generate_series(1, 20000) AS n`);
  await client.query(`ANALYZE ${schema}.actor`);
  const plans: readonly (readonly [query: string, index: string])[] = [
    [
      `wake_at IS NOT NULL AND wake_at <= 1000500 AND (wake_at, id) > (5, '') ORDER BY wake_at, id`,
      "actor_wake",
    ],
    [
      `((get_byte(key_hash, 0) << 8) | get_byte(key_hash, 1)) & 1023 = 7 AND wake_at <= 1000500 ORDER BY wake_at, id`,
      "actor_due",
    ],
    [`destroyed_at IS NULL AND id > '5' ORDER BY id`, "actor_list"],
    [`destroyed_at IS NULL AND id > '5' AND name = 'bulk' ORDER BY name, id`, "actor_list"],
    [`key_hash = sha256('7'::bytea) AND destroyed_at IS NULL`, "actor_living"],
  ];
  for (const [query, index] of plans) {
    const { rows } = await client.query(`EXPLAIN SELECT id FROM ${schema}.actor WHERE ${query} LIMIT 100`);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    assert.match(plan, new RegExp(`Index (Only )?Scan (using|on) ${index}`), plan);
  }
});

/** Tables, columns and indexes of a schema, in a form in which a difference is readable. */
async function dump(client: pg.Client, schema: string): Promise<string> {
  const columns = await client.query(
    `SELECT table_name AS table, column_name AS name, data_type AS type, is_nullable AS nullable,
      column_default AS initial, collation_name AS collation
    FROM information_schema.columns WHERE table_schema = $1 ORDER BY table_name, column_name`,
    [schema],
  );
  const indexes = await client.query(
    "SELECT tablename AS table, indexdef AS text FROM pg_indexes WHERE schemaname = $1 ORDER BY indexname",
    [schema],
  );
  const lines = [
    ...columns.rows.map(({ table, name, type, nullable, initial, collation }) =>
      [
        `${table}.${name} ${type}`,
        ...(collation === null ? [] : [`collate ${collation}`]),
        ...(nullable === "NO" ? ["not null"] : []),
        ...(initial === null ? [] : [`default ${initial}`]),
      ].join(" "),
    ),
    ...indexes.rows.map(({ text }) => String(text).replaceAll(`${schema}.`, "")),
  ];
  return `${lines.join("\n")}\n`;
}

/** Takes back what each version added. */
const downgrades: Readonly<Record<number, readonly string[]>> = {
  2: ["DROP TABLE $.node, $.scope, $.lease", "DELETE FROM $.meta WHERE key = 'cluster_revision'"],
  3: ["DROP TABLE $.cluster_credentials"],
  4: ["DROP INDEX $.actor_due", "DELETE FROM $.meta WHERE key = 'cluster_id'"],
  5: ["ALTER TABLE $.blob DROP COLUMN in_bucket", "ALTER TABLE $.upload DROP COLUMN in_bucket"],
  6: ["ALTER TABLE $.actor DROP COLUMN place", "ALTER TABLE $.node DROP COLUMN region, DROP COLUMN pools"],
  7: ["DROP TABLE $.cluster_database"],
  8: ["DROP TABLE $.cluster_change"],
};

test("the tables are those of the golden files, whether created or upgraded", async (t) => {
  const schema = newSchema();
  const client = await session(t, server.url);
  await (await openStore(t, { url: server.url, schema })).close();
  const golden = (version: number) =>
    readFileSync(new URL(`golden/schema-${version}.txt`, import.meta.url), "utf8");
  assert.equal(await dump(client, schema), golden(8));
  for (const version of [8, 7, 6, 5, 4, 3, 2]) {
    for (const sql of downgrades[version] ?? []) await client.query(sql.replaceAll("$", schema));
    assert.equal(await dump(client, schema), golden(version - 1));
  }
  await client.query(`UPDATE ${schema}.meta SET value = 1 WHERE key = 'schema_version'`);
  await (await openStore(t, { url: server.url, schema })).close();
  assert.equal(await dump(client, schema), golden(8));
});
