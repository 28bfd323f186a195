import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { WriteBehind } from "./write-behind.ts";

function notes() {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE notes (key INTEGER PRIMARY KEY, text TEXT NOT NULL)");
  database.exec("CREATE TABLE changes (text TEXT)");
  database.exec(
    "CREATE TRIGGER changed AFTER UPDATE ON notes BEGIN INSERT INTO changes VALUES (new.text); END",
  );
  database.exec("INSERT INTO notes VALUES (1, 'a'), (2, 'b')");
  const change = database.prepare("UPDATE notes SET text = ? WHERE key = ?");
  const changes = () =>
    database
      .prepare("SELECT text FROM changes ORDER BY rowid")
      .all()
      .map(({ text }) => text);
  return { behind: new WriteBehind(database), change, changes };
}

test("of several buffered contents of a row only the last one is computed and written", () => {
  const { behind, change, changes } = notes();
  let made = 0;
  const set = (key: number, text: string) =>
    behind.replace(change, key, () => {
      made += 1;
      return [text, key];
    });
  set(1, "first");
  set(2, "other");
  set(1, "second");
  set(1, "third");
  assert.deepEqual([made, changes()], [0, []]);
  behind.flush();
  assert.deepEqual([made, changes()], [2, ["third", "other"]]);
  set(1, "after");
  behind.flush();
  assert.deepEqual(changes(), ["third", "other", "after"]);
});

test("the next call throws the error of a failed write, and the row accepts new content", () => {
  const { behind, change, changes } = notes();
  behind.replace(change, 1, () => [null, 1]);
  assert.throws(() => behind.flush(), /NOT NULL/);
  behind.replace(change, 1, () => ["again", 1]);
  behind.flush();
  assert.deepEqual(changes(), ["again"]);
});

test("discarded writes are never made", () => {
  const { behind, change, changes } = notes();
  behind.replace(change, 1, () => ["gone", 1]);
  behind.discard();
  behind.replace(change, 1, () => ["kept", 1]);
  behind.flush();
  assert.deepEqual(changes(), ["kept"]);
});
