import assert from "node:assert/strict";
import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, type TestContext, test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { farFuture } from "./golden/content.ts";
import { code, create, openStore, tempDirectory } from "./support.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A copy of the golden store, since opening one writes to it. */
function goldenCopy(t: TestContext): string {
  const path = tempDirectory(t);
  copyFileSync(new URL("./golden/format-1/actors.db", import.meta.url), join(path, "actors.db"));
  return path;
}

async function assertFilesAndPast(t: TestContext, golden: string): Promise<void> {
  const path = tempDirectory(t);
  cpSync(new URL(golden, import.meta.url), path, { recursive: true });
  const store = await openStore(t, { path });
  assert.equal((await store.find("counter", ["a,b", "😀"]))?.version, 3);
  const past = new DatabaseSync(join(path, "actors.db"), { readOnly: true });
  assert.deepEqual(
    past
      .prepare("SELECT bytes, size FROM past")
      .all()
      .map((row) => ({ ...row })),
    [{ bytes: bytes("first"), size: 6 }],
  );
  past.close();
  assert.deepEqual((await store.acquire("actor-4")).state, { snapshot: bytes("second"), patches: [] });
  const { record, state } = await store.acquire("actor-with-db");
  assert.deepEqual([record.epoch, record.version, record.wakeAt], [2, 1, 1_700_000_070_000]);
  assert.deepEqual(state, { snapshot: bytes("state"), patches: [] });
  assert.deepEqual(await store.kvGet("actor-with-db", Uint8Array.of(7)), bytes("seven"));
  assert.equal((await store.call("actor-with-db", "call-3"))?.status, "done");
  const database = await store.databases.open("actor-with-db", 2, false);
  assert.deepEqual(database.prepare("SELECT * FROM item")?.rows(), [{ id: 1, name: "row" }]);
}

describe("the format on disk", () => {
  test("a store of format 1 opens with all of its data", async (t) => {
    const store = await openStore(t, { path: goldenCopy(t) });
    const counter = await store.find("counter", ["a,b", "😀"]);
    assert.deepEqual(counter, {
      id: "actor-1",
      name: "counter",
      key: ["a,b", "😀"],
      epoch: 1,
      version: 3,
      createdAt: 1_700_000_000_001,
      wakeAt: 1_700_000_060_000,
    });
    const { state, record } = await store.acquire("actor-1");
    assert.equal(record.epoch, 2);
    assert.deepEqual(state, { snapshot: bytes("snapshot"), patches: [bytes("patch 1"), bytes("patch 2")] });
    assert.deepEqual(await store.kvList("actor-1", { start: new Uint8Array(), limit: 10 }), [
      { key: new Uint8Array(), value: new Uint8Array() },
      { key: Uint8Array.of(0, 255), value: bytes("value") },
    ]);
    const done = { key: "call-1", status: "done", outcome: bytes("outcome"), expiresAt: farFuture };
    assert.deepEqual(await store.call("actor-1", "call-1"), done);
    assert.deepEqual(await store.call("actor-2", "call-2"), {
      key: "call-2",
      status: "started",
      expiresAt: farFuture,
    });
    assert.equal((await store.get("actor-2"))?.epoch, 2);
    assert.equal((await store.get("actor-3"))?.destroyedAt, 1_700_000_000_004);
    assert.equal((await store.due(1_800_000_000_000, 10)).nextAt, 1_700_000_060_000);
    await store.commit({
      actorId: "actor-1",
      epoch: 2,
      version: 4,
      commitId: "new",
      state: { type: "patch", bytes: bytes("3") },
    });
    await store.commit(create("fresh"));
    assert.equal((await store.acquire("actor-1")).state?.patches.length, 3);
  });

  test("a store of format 2 opens with its history and files", async (t) => {
    await assertFilesAndPast(t, "./golden/format-2");
  });

  test("a store of format 3 opens with its history and files", async (t) => {
    await assertFilesAndPast(t, "./golden/format-3");
  });

  test("call records from before format 3 move to an actor's own file", async (t) => {
    for (const format of ["format-2", "format-3"]) {
      const path = tempDirectory(t);
      cpSync(new URL(`./golden/${format}`, import.meta.url), path, { recursive: true });
      const store = await openStore(t, { path });
      const { record } = await store.acquire("actor-1");
      await store.databases.open("actor-1", record.epoch, false);
      assert.equal((await store.call("actor-1", "call-1"))?.status, "done", format);
    }
  });

  test("a store that was upgraded has the tables of a new one", async (t) => {
    const schema = (file: string) => {
      const database = new DatabaseSync(file);
      const rows = database
        .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
        .all();
      database.close();
      return rows.map((row) => `${row["name"]}: ${String(row["sql"]).replaceAll(/\s+/g, " ")}`);
    };
    const path = tempDirectory(t);
    await (await openStore(t, { path })).close();
    const old = goldenCopy(t);
    const upgraded = await openStore(t, { path: old });
    await upgraded.close();
    assert.deepEqual(schema(join(path, "actors.db")), schema(join(old, "actors.db")));
  });

  test("a newer format is refused and left unchanged", async (t) => {
    const path = goldenCopy(t);
    const file = join(path, "actors.db");
    const database = new DatabaseSync(file);
    database.exec("UPDATE meta SET value = 4 WHERE key = 'format'");
    database.close();
    const before = readFileSync(file);
    await assert.rejects(openSqliteStore({ path, ports: systemPorts() }), code("store", "format_too_new"));
    assert.equal(readFileSync(file).equals(before), true);
  });

  test("a file that is not a store is refused", async (t) => {
    const garbage = tempDirectory(t);
    writeFileSync(join(garbage, "actors.db"), "This is not a database. ".repeat(1_000));
    await assert.rejects(openSqliteStore({ path: garbage, ports: systemPorts() }), code("store", "corrupt"));

    const foreign = tempDirectory(t);
    const database = new DatabaseSync(join(foreign, "actors.db"));
    database.exec("CREATE TABLE mine (x)");
    database.close();
    await assert.rejects(openSqliteStore({ path: foreign, ports: systemPorts() }), code("store", "corrupt"));
  });

  test("an empty file, left by a crash during creation, becomes a store", async (t) => {
    const path = tempDirectory(t);
    writeFileSync(join(path, "actors.db"), "");
    const store = await openStore(t, { path });
    await store.commit(create("a"));
  });
});
