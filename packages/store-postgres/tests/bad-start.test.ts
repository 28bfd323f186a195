import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { afterTest } from "@holdfast/testing";
import type pg from "pg";
import { code, newSchema, openStore, session, sharedServer } from "./support.ts";

const server = await sharedServer();

/** Opens a store, which has to fail with an error that matches. */
async function refuses(
  t: TestContext,
  options: Parameters<typeof openStore>[1],
  expected: { readonly code: string; readonly message: RegExp },
): Promise<void> {
  await assert.rejects(openStore(t, options), (error: Error) => {
    assert.match(error.message, expected.message);
    return code("store", expected.code)(error);
  });
}

describe("a store that cannot be opened says why, and what to do", () => {
  test("a host that nobody knows", async (t) => {
    const url = "postgres://holdfast@no-such-host.invalid/postgres";
    await refuses(t, { url }, { code: "unavailable", message: /Correct the host in the URL/ });
  });

  test("a port at which nobody listens", async (t) => {
    const url = "postgres://holdfast@127.0.0.1:1/postgres";
    const message = /ECONNREFUSED.*Check that its server runs and listens at this address/;
    await refuses(t, { url }, { code: "unavailable", message });
  });

  test("a wrong password", async (t) => {
    const client = await session(t, server.url);
    await client.query("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    const { rows } = await client.query("SHOW hba_file");
    const rules = String(rows[0]?.hba_file);
    writeFileSync(rules, `host all guarded all scram-sha-256\n${readFileSync(rules, "utf8")}`);
    await client.query("SELECT pg_reload_conf()");
    const url = server.url.replace("holdfast@", "guarded:wrong@");
    const message = /password authentication failed.*Check the user and the password in the URL/;
    await refuses(t, { url }, { code: "unavailable", message });
  });

  test("a database that does not exist", async (t) => {
    const url = server.url.replace(/postgres$/, "nothing");
    await refuses(t, { url }, { code: "unavailable", message: /Create the database/ });
  });

  test("a user who may not create tables, until the administrator makes the schema", async (t) => {
    const client = await session(t, server.url);
    await client.query("CREATE ROLE reader LOGIN");
    const schema = newSchema();
    const url = server.url.replace("holdfast@", "reader@");
    await refuses(t, { url, schema }, { code: "unavailable", message: /GRANT CREATE ON DATABASE/ });
    await client.query(`CREATE SCHEMA ${schema} AUTHORIZATION reader`);
    assert.equal(await (await openStore(t, { url, schema })).count({}), 0);
  });

  for (const [what, tables] of [
    ["a table of actors", ["actor (id integer)"]],
    ["settings of other columns", ["meta (name text, setting text)"]],
    ["settings of another program", ["meta (key text PRIMARY KEY, value text)", "row: ('version', '7')"]],
    ["settings without rows of ours", ["meta (key text PRIMARY KEY, value bigint)", "row: ('size', 7)"]],
  ] as const) {
    test(`tables of somebody else: ${what}`, async (t) => {
      const client = await session(t, server.url);
      const schema = newSchema();
      await client.query(`CREATE SCHEMA ${schema}`);
      for (const table of tables) {
        const row = /^row: (.*)/.exec(table)?.[1];
        await client.query(
          row === undefined ? `CREATE TABLE ${schema}.${table}` : `INSERT INTO ${schema}.meta VALUES ${row}`,
        );
      }
      const before = await contents(client, schema);
      const message = /has tables that Holdfast has not made/;
      await refuses(t, { url: server.url, schema }, { code: "foreign_tables", message });
      assert.deepEqual(await contents(client, schema), before);
    });
  }

  test("a server that accepts connections and answers nothing", async (t) => {
    const { url, sent } = await silentServer(t);
    const opened = openStore(t, { url, connectTimeoutMs: 100 });
    await assert.rejects(opened, code("store", "unavailable"));
    assert.ok(sent() > 0);
  });
});

/** Tables of a schema, and the rows of `meta`. */
async function contents(client: pg.Client, schema: string): Promise<unknown> {
  const tables = await client.query(
    "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename <> 'meta'",
    [schema],
  );
  const rows = await client.query(`SELECT * FROM ${schema}.meta`).catch(() => ({ rows: [] }));
  return { tables: tables.rows, rows: rows.rows };
}

/** A server that reads what it gets. */
async function silentServer(t: TestContext) {
  const sockets = new Set<Socket>();
  let bytes = 0;
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
  });
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  afterTest(t, () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  return { url: `postgres://holdfast@127.0.0.1:${port}/postgres`, sent: () => bytes };
}
