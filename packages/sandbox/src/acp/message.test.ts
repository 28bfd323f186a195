import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { maxNesting } from "../internal/json-nesting.ts";
import { readMessage, withId, withStderr } from "./message.ts";

describe("messages", () => {
  test("id and method determine the kind of a message", () => {
    assert.equal(readMessage('{"id":1,"method":"a"}')?.kind, "request");
    assert.equal(readMessage('{"id":null,"method":"a"}')?.kind, "request");
    assert.equal(readMessage('{"method":"a"}')?.kind, "notification");
    assert.equal(readMessage('{"id":1,"result":{}}')?.kind, "response");
    for (const method of ["5", "null", "{}", "[]", "true"]) {
      assert.equal(readMessage(`{"id":1,"method":${method}}`)?.kind, "request");
      assert.equal(readMessage(`{"method":${method}}`)?.kind, "notification");
    }
    for (const answer of ['"result":{}', '"error":{}']) {
      assert.equal(readMessage(`{"id":1,"method":null,${answer}}`)?.kind, "response");
      assert.equal(readMessage(`{"id":1,"method":"a",${answer}}`)?.kind, "request");
      assert.equal(readMessage(`{"id":1,"method":5,${answer}}`)?.kind, "request");
    }
    assert.equal(readMessage('{"id":1}')?.kind, "response");
    assert.equal(readMessage("[]"), undefined);
    assert.equal(readMessage("1"), undefined);
    assert.throws(() => readMessage('{"id":'), SyntaxError);
  });

  test("a message with too many nesting levels is rejected; brackets in strings do not count", () => {
    const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
    assert.ok(readMessage(nested(maxNesting)));
    assert.throws(() => readMessage(nested(maxNesting + 1)), /nested deeper than 500 levels/);
    assert.throws(() => readMessage(`{"a":${'{"b":'.repeat(10_000)}1${"}".repeat(10_000)}}`), SyntaxError);
    assert.ok(readMessage(JSON.stringify({ a: "[".repeat(2_000), b: '\\"[{'.repeat(2_000), c: "\\" })));
    assert.ok(readMessage(JSON.stringify({ a: Array.from({ length: 2_000 }, () => [{}]) })));
    assert.throws(() => readMessage(`{"a":"${"[".repeat(2_000)}`), SyntaxError);
  });

  test("equal ids have equal keys, and different ids have different keys", () => {
    const key = (id: string) => readMessage(`{"id":${id}}`)?.key;
    assert.equal(key("1"), key("1.0"));
    assert.notEqual(key("1"), key('"1"'));
    assert.notEqual(key("null"), key('"null"'));
    assert.notEqual(key("9007199254740993"), key("9007199254740992"));
    assert.equal(readMessage('{"id": 9007199254740993 }')?.idText, "9007199254740993");
    assert.equal(key('"\\u0061"'), key('"a"'));
  });

  test("replacing an id leaves the rest of the text unchanged", () => {
    const cases: readonly (readonly [string, string])[] = [
      ['{"id":1,"method":"a"}', '{"id":"x","method":"a"}'],
      ['{ "params" : {"id":[1,{"id":2}]} , "id" : 12 }', '{ "params" : {"id":[1,{"id":2}]} , "id" : "x" }'],
      ['{"result":"\\"id\\":7,}","id":"\\"q"}', '{"result":"\\"id\\":7,}","id":"x"}'],
      ['{"i\\u0064":null,"n":1e400}', '{"i\\u0064":"x","n":1e400}'],
      ['{"id":1,"id":2}', '{"id":1,"id":"x"}'],
      ["{}", "{}"],
    ];
    for (const [raw, expected] of cases) assert.equal(withId(raw, '"x"'), expected);
  });

  test("standard error is added to the data of an error that has room for it", () => {
    const data = (raw: string) => JSON.parse(withStderr(raw, "oops")).error?.data;
    assert.deepEqual(data('{"id":1,"error":{"code":1,"message":"m"}}'), { agentStderr: "oops" });
    assert.deepEqual(data('{"id":1,"error":{"code":1,"data":{"a":1}}}'), { a: 1, agentStderr: "oops" });
    assert.deepEqual(data('{"id":1,"error":{"code":1,"data":"text"}}'), "text");
    assert.equal(withStderr('{"id":1,"result":{}}', "oops"), '{"id":1,"result":{}}');
  });
});
