import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, type DatabaseProvider, type SqliteDatabase } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { call, world } from "./harness.ts";

interface Client {
  readonly driver: SqliteDatabase;
  remember(key: string, value: string): Promise<void>;
  recall(key: string): Promise<unknown>;
}

/** A client, as written for a library that expects a driver. */
const provider: DatabaseProvider<Client> = {
  createClient: async ({ actorId, kv, nativeDatabaseProvider }) => {
    const driver = await nativeDatabaseProvider.open(actorId);
    return {
      driver,
      remember: (key, value) => kv.batchPut([[Buffer.from(key), Buffer.from(value)]]),
      recall: async (key) => (await kv.batchGet([Buffer.from(key)]))[0],
    };
  },
  onMigrate: ({ driver }) =>
    driver.exec(
      "CREATE TABLE IF NOT EXISTS word (no INTEGER PRIMARY KEY, text TEXT); CREATE INDEX IF NOT EXISTS by_text ON word (text)",
    ),
};

async function inAction(run: (client: Client) => Promise<void>): Promise<void> {
  const definition = actor({ db: provider, actions: { run: (c) => run(c.db) } });
  const instance = world().create(definition);
  await call(instance, "run");
  await instance.sleep();
}

const texts = async (driver: SqliteDatabase) =>
  (await driver.query("SELECT text FROM word ORDER BY no")).rows.map(([text]) => text);

describe("the driver of a custom provider", () => {
  test("returns columns, rows, changes and the last row id, and binds missing values as null", () =>
    inAction(async ({ driver }) => {
      const written = await driver.execute("INSERT INTO word (text) VALUES (?), (?)", ["a", "b"]);
      assert.deepEqual(written, { columns: [], rows: [], changes: 2, lastInsertRowId: 2 });
      await driver.run("UPDATE word SET text = :text WHERE no = 1", { text: "c" });
      const read = await driver.query("SELECT no, text, no FROM word");
      assert.deepEqual(read, {
        columns: ["no", "text", "no"],
        rows: [
          [1, "c", 1],
          [2, "b", 2],
        ],
      });
      const { rows } = await driver.execute("SELECT ?, ?", [undefined as never, new Uint8Array([7])]);
      assert.deepEqual(rows, [[null, new Uint8Array([7])]]);
      const seen: unknown[] = [];
      await driver.exec(
        "INSERT INTO word (text) VALUES ('d'); SELECT max(no) AS top FROM word; SELECT 5 AS five",
        (row, columns) => seen.push([row, columns]),
      );
      assert.deepEqual(seen, [
        [[3], ["top"]],
        [[5], ["five"]],
      ]);
      assert.deepEqual((await driver.execute("-- nothing")).rows, []);
    }));

  test("a batch is one transaction; an explicit transaction commits or rolls back as requested", () =>
    inAction(async ({ driver }) => {
      const insert = "INSERT INTO word (no, text) VALUES (?, 'x')";
      const two = [1, 2].map((no) => ({ sql: insert, params: [no] }));
      assert.deepEqual(
        (await driver.executeBatch(two)).map(({ changes }) => changes),
        [1, 1],
      );
      await assert.rejects(
        driver.executeBatch([
          { sql: insert, params: [3] },
          { sql: insert, params: [1] },
        ]),
        /UNIQUE/,
      );
      assert.deepEqual(await texts(driver), ["x", "x"]);
      const first = await driver.beginTransaction(undefined, "first");
      await first.execute(insert, [4]);
      const after = driver.execute("SELECT count(*) AS n FROM word");
      await first.rollback();
      assert.deepEqual((await after).rows, [[2]], "others wait for its end");
      const second = await driver.beginTransaction(5_000);
      await second.exec("INSERT INTO word (no, text) VALUES (5, 'y')");
      await second.commit();
      assert.deepEqual(await texts(driver), ["x", "x", "y"]);
      await assert.rejects(second.execute("SELECT 1"), (error) =>
        isErrorCode(error, "db", "transaction_closed"),
      );
      await assert.rejects(driver.beginTransaction(0), (error) =>
        isErrorCode(error, "db", "invalid_arguments"),
      );
    }));

  test("provides the kv of the actor, and closing it closes the database", () =>
    inAction(async ({ driver, remember, recall }) => {
      await remember("a", "1");
      assert.deepEqual(await recall("a"), new Uint8Array([49]));
      await driver.close();
      await assert.rejects(driver.query("SELECT 1"), (error) => isErrorCode(error, "db", "closed"));
    }));
});
