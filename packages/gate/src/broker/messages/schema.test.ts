import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { compileSchema } from "./schema.ts";

const closed = (properties: Readonly<Record<string, unknown>>, required: readonly string[] = []) =>
  compileSchema({ type: "object", properties, required }, "arguments of a test", { closed: true });

test("a value that is none of those allowed is told which they are, unless they are very many", () => {
  const check = closed({
    color: { enum: ["red", 1, null] },
    list: { type: "array", items: { type: "string", enum: ["a"] } },
    fixed: { const: { a: 1 } },
    many: { enum: Array.from({ length: 200 }, (_, n) => `value-${n}`) },
  });
  assert.equal(check({ color: "red", list: ["a"], fixed: { a: 1 }, many: "value-7" }), undefined);
  assert.deepEqual(check({ color: "blue" }), {
    field: "color",
    message: 'color must be one of "red", 1, null',
  });
  assert.deepEqual(check({ list: ["a", "b"] }), { field: "list/1", message: 'list/1 must be "a"' });
  assert.deepEqual(check({ fixed: {} }), { field: "fixed", message: 'fixed must be {"a":1}' });
  assert.deepEqual(check({ many: "x" }), {
    field: "many",
    message: "many must be equal to one of the allowed values",
  });
});

test("what is missing and what is not known is told by its name", () => {
  const check = closed({ a: { type: "string" } }, ["a"]);
  assert.deepEqual(check({}), { field: "a", message: "a is missing" });
  assert.deepEqual(check({ a: "", "b/c": 1 }), { field: "b~1c", message: "b~1c is not known" });
});

test("a schema whose check would be a promise is none", () => {
  for (const isClosed of [true, false]) {
    const schema = { $async: true, type: "object", properties: { a: { type: "string" } } };
    assert.throws(
      () => compileSchema(schema, "result of a test", { closed: isClosed }),
      (error) => isErrorCode(error, "broker", "invalid_tool") && /\$async/.test(String(error)),
    );
  }
});

test("a check that takes far longer than a value is long is broken off", () => {
  const open = (schema: Readonly<Record<string, unknown>>) =>
    compileSchema(schema, "result of a test", { closed: false });
  const backwards = open({ type: "object", properties: { text: { type: "string", pattern: "^(a+)+$" } } });
  assert.equal(backwards({ text: "aaa" }), undefined);
  assert.equal(backwards({ text: "b" })?.field, "text");
  const late = { field: "", message: "The value takes too long to validate" };
  // Each more doubles the time, which would be years.
  assert.deepEqual(backwards({ text: `${"a".repeat(60)}!` }), late);
  const unlike = open({ type: "array", uniqueItems: true });
  assert.deepEqual(unlike(Array.from({ length: 200_000 }, (_, n) => ({ n }))), late);
  assert.match(unlike([{ n: 1 }, { n: 1 }])?.message ?? "", /duplicate/);
});

test("an address is as long as addresses are", () => {
  const check = closed({ url: { type: "string", format: "url" } });
  const long = `https://example.com/${"a".repeat(4_096 - "https://example.com/".length)}`;
  assert.equal(check({ url: long }), undefined);
  assert.equal(check({ url: `${long}a` })?.field, "url");
  assert.equal(check({ url: "example" })?.field, "url");
});
