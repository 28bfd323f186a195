import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { SessionRecord } from "../types.ts";
import { schemaVersion } from "./migrations.ts";
import { SessionStore } from "./store.ts";

const record: SessionRecord = {
  id: "s",
  agent: "demo",
  cwd: "/",
  origin: "session",
  createdAt: 1,
  updatedAt: 1,
  mcpServers: [],
};

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-session-store-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe("the session store", () => {
  test("retains appended entries after it is reopened", async (t) => {
    const path = await directory(t);
    const first = new SessionStore(path, 0);
    assert.equal(first.durable, true);
    const { key } = first.insertSession(record);
    for (let sequence = 1; sequence <= 600; sequence += 1)
      first.append(key, sequence, 5, "agent", `{"n":${sequence}}`);
    first.close();
    const second = new SessionStore(path, 0);
    t.after(() => second.close());
    assert.deepEqual(second.session("s"), { key, record });
    assert.equal(second.lastSequence(key), 600);
    assert.deepEqual(
      second.entries(key, 598, 10).map((entry) => entry.payload),
      ['{"n":599}', '{"n":600}'],
    );
    assert.deepEqual(
      [...second.entriesBackwards(key, 550)].map((entry) => entry.sequence),
      Array.from({ length: 550 }, (_, index) => 550 - index),
    );
    second.deleteSession(key);
    assert.equal(second.lastSequence(key), 0, "deleting a session deletes its log");
  });

  test("a sequence can be used once", async (t) => {
    const store = new SessionStore(await directory(t), 0);
    t.after(() => store.close());
    const { key } = store.insertSession(record);
    store.append(key, 1, 5, "agent", "{}");
    assert.throws(() => store.append(key, 1, 5, "agent", "{}"), /UNIQUE/);
  });

  test("in memory a failed row is reported and does not affect the others", () => {
    const store = new SessionStore(undefined, 1_000);
    const [first, second] = [store.insertSession(record), store.insertSession({ ...record, id: "other" })];
    store.append(first.key, 1, 5, "agent", "{}");
    store.append(first.key, 1, 5, "agent", "{}");
    store.append(second.key, 1, 5, "agent", "{}");
    assert.throws(() => store.lastSequence(second.key), /UNIQUE/);
    assert.deepEqual([store.lastSequence(first.key), store.lastSequence(second.key)], [1, 1]);
    store.close();
  });

  test("in memory each read sees all earlier writes, in order", () => {
    const store = new SessionStore(undefined, 1_000_000);
    const { key } = store.insertSession(record);
    for (let sequence = 1; sequence <= 1_000; sequence += 1) store.append(key, sequence, 5, "agent", "{}");
    assert.equal(store.lastSequence(key), 1_000);
    store.updateSession(key, { ...record, title: "first" });
    store.updateSession(key, { ...record, title: "second" });
    assert.equal(store.session("s")?.record.title, "second");
    store.append(key, 1_001, 5, "agent", "{}");
    store.deleteSession(key);
    assert.equal(store.lastSequence(key), 0, "deleting a session drops its buffered writes");
    store.close();
  });

  test("in memory a failed write is reported once, by the next call", () => {
    const store = new SessionStore(undefined, 1_000);
    const { key } = store.insertSession(record);
    store.append(key, 1, 5, "agent", "{}");
    store.append(key, 1, 5, "agent", "{}");
    assert.throws(() => store.lastSequence(key), /UNIQUE/);
    store.append(key, 2, 5, "agent", "{}");
    assert.equal(store.lastSequence(key), 2);
    store.close();
  });

  test("in memory a delayed failure is reported as a log that could not be written", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const store = new SessionStore(undefined, 1_000);
    const { key } = store.insertSession(record);
    store.append(key, 1, 5, "agent", "{}");
    store.append(key, 1, 5, "agent", "{}");
    t.mock.timers.runAll();
    assert.throws(() => store.append(key, 2, 5, "agent", "{}"), { code: "log_failed" });
    store.close();
  });

  test("in memory the older half of the longest log is dropped at the limit and not before", () => {
    const store = new SessionStore(undefined, 100);
    assert.equal(store.durable, false);
    const short = store.insertSession(record).key;
    const long = store.insertSession({ ...record, id: "t" }).key;
    store.append(short, 1, 5, "agent", "x".repeat(20));
    for (let sequence = 1; sequence <= 8; sequence += 1)
      store.append(long, sequence, 5, "agent", "x".repeat(10));
    assert.equal(store.entries(long, 0, 100).length, 8, "100 bytes fit");
    store.append(long, 9, 5, "agent", "x");
    assert.deepEqual(
      store.entries(long, 0, 100).map((entry) => entry.sequence),
      [6, 7, 8, 9],
    );
    assert.equal(store.entries(short, 0, 100).length, 1);
    store.append(long, 10, 5, "agent", "x".repeat(1_000));
    assert.equal(
      store.entries(long, 0, 100).at(-1)?.sequence,
      10,
      "the newest entry is retained whatever its size",
    );
    store.close();
  });

  test("in memory the limit counts bytes", () => {
    const store = new SessionStore(undefined, 100);
    const { key } = store.insertSession(record);
    for (let sequence = 1; sequence <= 5; sequence += 1)
      store.append(key, sequence, 5, "agent", "€".repeat(10));
    assert.deepEqual(
      store.entries(key, 0, 100).map((entry) => entry.sequence),
      [3, 4, 5],
    );
    const other = store.insertSession({ ...record, id: "t" }).key;
    for (let sequence = 1; sequence <= 2; sequence += 1)
      store.append(other, sequence, 5, "agent", "x".repeat(20));
    assert.equal(store.lastSequence(key), 5);
    assert.equal(store.entries(other, 0, 100).length, 2, "the log with the most bytes is shortened");
    store.close();
  });

  test("a database of a newer version is rejected", async (t) => {
    const path = await directory(t);
    const database = new DatabaseSync(join(path, "sessions.db"));
    database.exec(`PRAGMA user_version = ${schemaVersion + 1}`);
    database.close();
    assert.throws(() => new SessionStore(path, 0), { code: "log_too_new" });
  });

  test("a file that is not a database is reported by name and left unchanged", async (t) => {
    const path = await directory(t);
    const file = join(path, "sessions.db");
    await writeFile(file, "not a database ".repeat(1_000));
    assert.throws(
      () => new SessionStore(path, 0),
      (error) => {
        assert.ok(isErrorCode(error, "sandbox", "log_damaged"));
        return error.message.includes(file);
      },
    );
    assert.equal((await readFile(file, "utf8")).length, 15_000);
  });

  test("a database of version 1 can still be read", async (t) => {
    const path = await directory(t);
    const database = new DatabaseSync(join(path, "sessions.db"));
    database.exec(await readFile(new URL("../../../tests/golden/sessions-1.sql", import.meta.url), "utf8"));
    database.close();
    const store = new SessionStore(path, 0);
    t.after(() => store.close());
    const stored = store.session("golden");
    assert.ok(stored);
    assert.deepEqual(stored.record, { ...record, id: "golden", agentSessionId: "a-1", title: "Kept" });
    assert.deepEqual(store.entries(stored.key, 0, 10), [
      { version: 1, sequence: 1, createdAt: 7, sender: "client", payload: '{"n":12345678901234567890}' },
    ]);
    assert.equal(store.prompt(stored.key, "p")?.status, "queued");
    assert.equal(store.permission(stored.key, "q")?.state, "pending");
    assert.deepEqual(store.unsettledSessions(), ["golden"]);
    assert.deepEqual(store.sessionOfAgent("demo", "a-1")?.record.id, "golden");
  });
});
