import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { bind } from "./bindings.ts";
import { kindOf } from "./classify.ts";
import { firstStatement } from "./tokens.ts";

function parsed(sql: string) {
  const statement = firstStatement(sql);
  assert.ok(statement);
  return statement;
}

const kind = (sql: string): string => kindOf(parsed(sql).tokens);

test("statements end at semicolons outside of strings, names, comments and triggers", () => {
  const rests: readonly (readonly [sql: string, rest: string])[] = [
    ["SELECT 1; SELECT 2", " SELECT 2"],
    ["SELECT ';'; SELECT 2", " SELECT 2"],
    ['SELECT ";;" FROM [a;b]; SELECT 2', " SELECT 2"],
    ["SELECT 1 -- one; two\n; SELECT 2", " SELECT 2"],
    ["SELECT /* ; */ 1; -- the end", ""],
    [";; SELECT 1;;", ""],
    [
      "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; SELECT CASE 1 WHEN 1 THEN 2 END; END; SELECT 2",
      " SELECT 2",
    ],
    ["SELECT x'3b'; SELECT 2", " SELECT 2"],
  ];
  for (const [sql, rest] of rests) assert.equal(parsed(sql).rest, rest, sql);
  assert.equal(firstStatement(" -- nothing\n;"), undefined);
});

test("reads and writes are told apart", () => {
  for (const sql of [
    "SELECT 1",
    "VALUES (1)",
    "WITH a AS (SELECT 1) SELECT * FROM a",
    "WITH a AS (SELECT 'DELETE') SELECT * FROM a",
    "EXPLAIN QUERY PLAN DELETE FROM a",
    "PRAGMA table_info(a)",
    "SELECT name FROM _holdfast_actor",
  ]) {
    assert.equal(kind(sql), "read", sql);
  }
  for (const sql of [
    "INSERT INTO a VALUES (1)",
    "WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a",
    "CREATE TABLE a (x)",
    "PRAGMA user_version = 3",
    "REPLACE INTO a VALUES (1)",
  ]) {
    assert.equal(kind(sql), "write", sql);
  }
});

test("what the platform cannot do, and the tables of the runtime, are refused", () => {
  for (const sql of [
    "BEGIN",
    "COMMIT",
    "SAVEPOINT a",
    "VACUUM",
    "ATTACH 'a' AS b",
    "INSERT OR ROLLBACK INTO a VALUES (1)",
    "CREATE TABLE a (x UNIQUE ON CONFLICT ROLLBACK)",
  ]) {
    assert.throws(
      () => kind(sql),
      (error) => isErrorCode(error, "db", "not_allowed"),
      sql,
    );
  }
  for (const sql of [
    "DELETE FROM _holdfast_kv",
    'DROP TABLE "_HOLDFAST_actor"',
    "CREATE TABLE _holdfast_x (a)",
  ]) {
    assert.throws(
      () => kind(sql),
      (error) => isErrorCode(error, "db", "reserved"),
      sql,
    );
  }
});

test("parameters are bound by number, and integers stay integers", () => {
  assert.deepEqual(bind(parsed("SELECT ?, :a, ?, :a, ?2"), [1.5, "a", null]), {
    sql: "SELECT ?, :a, ?, :a, ?2",
    bindings: [1.5, "a", null],
  });
  assert.deepEqual(bind(parsed("SELECT ?, '?', ?"), [5n, "x"]), {
    sql: "SELECT +CAST(?1 AS INTEGER), '?', ?2",
    bindings: [5, "x"],
  });
  assert.deepEqual(bind(parsed("SELECT :b, :a"), { a: 1n, ":b": "x" }), {
    sql: "SELECT ?1, +CAST(?2 AS INTEGER)",
    bindings: ["x", 1],
  });
  const large = bind(parsed("SELECT ?"), [2n ** 62n]);
  assert.deepEqual(large, { sql: "SELECT +(4611686018427387904 + (?1 IS NULL AND 0))", bindings: [null] });
  assert.throws(() => bind(parsed("SELECT ?"), [1n, 2n]), /out of range/);
  assert.throws(() => bind(parsed("SELECT :a"), { b: 1n }), /Unknown named parameter/);
});
