import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode, silentLogger } from "@holdfast/core";
import { brokerLimits } from "./broker-limits.ts";
import { Catalog, listed } from "./catalog.ts";
import { CoreTools } from "./core-tools.ts";
import { compileSchema, compileWhenUsed } from "./messages/schema.ts";
import type { JsonSchema, Tool, ToolSource } from "./tool.ts";

const tool = (name: string, argumentsSchema: JsonSchema = { type: "object" }): Tool => ({
  ...{ name, description: "", plugin: "test", pluginVersion: "1", riskLevel: "low" },
  argumentsSchema,
});

const source = (name: string, ...tools: readonly Tool[]): ToolSource => ({
  name,
  tools: () => tools,
  invoke: () => assert.fail("not asked to"),
  onChange: () => () => {},
});

const broker = (code: string) => (error: unknown) => isErrorCode(error, "broker", code);

test("a source is there once, and gone with its tools when it is taken away", () => {
  const catalog = new Catalog(silentLogger);
  const one = source("one", tool("a"), tool("b"));
  const stop = catalog.register(one);
  assert.throws(() => catalog.register(one), broker("duplicate_tool"));
  const empty = source("empty");
  catalog.register(empty);
  assert.throws(() => catalog.register(empty), broker("duplicate_tool"));
  assert.deepEqual(
    catalog.list().map(({ name }) => name),
    ["a", "b"],
  );
  stop();
  stop();
  assert.deepEqual(catalog.list(), []);
  catalog.register(one);
});

test("a tool has a plain name of its own, and none of the gate's", () => {
  const catalog = new Catalog(silentLogger);
  catalog.register(source("first", tool("a"), tool("b".repeat(64))));
  for (const name of ["", "A", "1a", "a.b", "a b", "../a", "a\n", "tool.invoke.a", "b".repeat(65)]) {
    assert.throws(() => catalog.register(source("x", tool(name))), broker("invalid_tool"), name);
  }
  for (const name of ["list_tools", "get_diagnostics", "get_session_info"]) {
    assert.throws(() => catalog.register(source("x", tool(name))), broker("reserved_tool"), name);
  }
  assert.throws(() => catalog.register(source("x", tool("c"), tool("a"))), broker("duplicate_tool"));
  assert.throws(() => catalog.register(source("x", tool("c"), tool("c"))), broker("duplicate_tool"));
  assert.equal(catalog.list().length, 2, "of a source that is refused no tool is there");
});

test("there are no more tools than may be", () => {
  const catalog = new Catalog(silentLogger);
  const many = Array.from({ length: brokerLimits.maxTools }, (_, n) => tool(`t${n}`));
  catalog.register(source("many", ...many));
  assert.throws(() => catalog.register(source("more", tool("one_more"))), broker("too_many_tools"));
  assert.equal(catalog.list().length, brokerLimits.maxTools);
});

test("all tools together say no more of themselves than one answer can hold", () => {
  const { maxCatalogBytes } = brokerLimits;
  const sized = (name: string, bytes: number): Tool => {
    const rest = JSON.stringify(listed(tool(name))).length;
    return { ...tool(name), description: "x".repeat(bytes - rest) };
  };
  const catalog = new Catalog(silentLogger);
  const half = maxCatalogBytes / 2;
  const tooLarge = broker("catalog_too_large");
  assert.throws(() => catalog.register(source("x", sized("a", maxCatalogBytes + 1))), tooLarge);
  assert.throws(() => catalog.register(source("x", sized("a", half), sized("b", half + 1))), tooLarge);
  assert.deepEqual(catalog.list(), [], "of a source that is refused no tool is there");
  const stop = catalog.register(source("x", sized("a", half), sized("b", half)));
  assert.throws(() => catalog.register(source("y", tool("c"))), tooLarge);
  stop();
  catalog.register(source("y", sized("c", maxCatalogBytes)));
});

test("a source that changes stays within the bounds, whatever comes first of it", () => {
  const catalog = new Catalog(silentLogger);
  const large = { ...tool("large"), description: "x".repeat(brokerLimits.maxCatalogBytes - 1_000) };
  const [old, fresh] = [tool("old"), { ...tool("fresh"), description: "x".repeat(2_000) }];
  let offered: readonly Tool[] = [large, old];
  let changed = () => {};
  catalog.register({
    ...source("changing"),
    tools: () => offered,
    onChange: (listener) => {
      changed = listener;
      return () => {};
    },
  });
  offered = [fresh, old, large];
  changed();
  assert.deepEqual(
    catalog.list().map(({ name }) => name),
    ["fresh", "old"],
  );
});

test("a schema is one of an object, valid and not too large", () => {
  const closed = (schema: JsonSchema) => compileSchema(schema, "arguments of a", { closed: true });
  for (const schema of [
    {},
    { type: "array" },
    { type: "object", properties: { a: { maxLength: -1 } } },
    { type: "object", properties: { a: { type: "nothing" } } },
    { type: "object", description: "x".repeat(brokerLimits.maxSchemaBytes) },
  ]) {
    assert.throws(() => closed(schema), broker("invalid_tool"), JSON.stringify(schema).slice(0, 80));
  }
  const rest = JSON.stringify({ type: "object", description: "" }).length;
  closed({ type: "object", description: "x".repeat(brokerLimits.maxSchemaBytes - rest) });
  // What a tool gives may be anything.
  assert.equal(compileSchema({ type: "array" }, "result of a", { closed: false })([]), undefined);
});

test("what is wrong with a value is said by its field", () => {
  const properties = { to: { type: "string" }, "a/b": { type: "object", required: ["c"] } };
  const check = compileSchema({ type: "object", properties, required: ["to"] }, "a", { closed: true });
  assert.equal(check({ to: "x" }), undefined);
  assert.deepEqual(check({}), { field: "to", message: "to is missing" });
  assert.deepEqual(check({ to: "x", more: 1 }), { field: "more", message: "more is not known" });
  assert.deepEqual(check({ to: "x", "a/b": {} })?.field, "a~1b/c");
  assert.match(check({ to: 1 })?.message ?? "", /^to must be string/);
});

test("the schemas of the gate's own tools are valid, though they are compiled at the first call only", () => {
  const facts = { listTools: () => [], sessionInfo: () => ({}), diagnostics: () => [] };
  for (const { name, isBuiltIn, argumentsSchema } of new CoreTools(facts).tools()) {
    assert.equal(isBuiltIn, true, name);
    compileSchema(argumentsSchema, name, { closed: true });
  }
  const late = compileWhenUsed({ type: "object", properties: { a: { type: "no type" } } }, "a", {
    closed: true,
  });
  assert.throws(() => late({}), broker("invalid_tool"));
  const check = compileWhenUsed({ type: "object", properties: {} }, "a", { closed: true });
  assert.equal(check({}), undefined);
  assert.equal(check({ b: 1 })?.message, "b is not known");
});
