/** What the broker takes as a frame, byte by byte, before anything else looks at it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemClock } from "@holdfast/core";
import { brokerLimits } from "../src/broker/broker-limits.ts";
import { parseStrictJson, StrictJsonError } from "../src/broker/messages/strict-json.ts";
import { Refusal } from "../src/broker/refusal.ts";
import { ConstructStage } from "../src/broker/stages/construct.ts";

const read = (text: string | Uint8Array) => parseStrictJson(Buffer.from(text as string), 4);
const refused = (text: string | Uint8Array, why: RegExp) =>
  assert.throws(
    () => read(text),
    (error) => error instanceof StrictJsonError && why.test(error.message),
    String(why),
  );

describe("strict JSON", () => {
  test("is JSON that means one thing", () => {
    const text = '{"a":[1,-2.5e3,"\\u00e9\\n",{"b":null}],"c":true," d ":"{\\"x\\":[[[[["}';
    assert.deepEqual(read(text), JSON.parse(text));
    for (const bad of [
      "",
      "{",
      '{"a":1,}',
      "[1 2]",
      "NaN",
      '{"a":Infinity}',
      "'a'",
      '{"a"',
      "\ufeff{}",
      "{}x",
      '{"\\x":1}',
    ]) {
      refused(bad, /not JSON/);
    }
    refused(Buffer.from([0x22, 0xff, 0x22]), /UTF-8/);
    refused(Buffer.from([0x22, 0xc0, 0x80, 0x22]), /UTF-8/);
  });

  test("is as deep as it may be and no deeper, in lists and in objects", () => {
    assert.deepEqual(read("[[[[]]]]"), [[[[]]]]);
    refused("[[[[[]]]]]", /more than 4 deep/);
    assert.deepEqual(read('{"a":{"a":{"a":{}}}}'), { a: { a: { a: {} } } });
    refused('{"a":{"a":{"a":{"a":{}}}}}', /more than 4 deep/);
    // Told by the scan, long before a parser would build it.
    refused("[".repeat(1_000_000), /more than 4 deep/);
    refused('{"a":'.repeat(1_000_000), /more than 4 deep/);
    assert.deepEqual(read("[[],[],[],[[[]]]]"), [[], [], [], [[[]]]]);
  });

  test("has no duplicate keys, however they are escaped, and no __proto__", () => {
    refused('{"a":1,"a":2}', /duplicate key/);
    refused('{"a":1,"\\u0061":2}', /duplicate key/);
    refused('[{"b":{"a":1 , "a"\n:2}}]', /duplicate key/);
    refused('{"__proto__":1}', /__proto__/);
    refused('{"\\u005f_proto__":1}', /__proto__/);
    assert.deepEqual(read('[{"a":1},{"a":1}]'), [{ a: 1 }, { a: 1 }]);
    assert.deepEqual(read('{"a":"a","b":"__proto__"}'), { a: "a", b: "__proto__" });
  });

  test("has no numbers that overflow and no unpaired surrogates", () => {
    refused('{"a":1e999}', /too large/);
    refused("[[-1e999]]", /too large/);
    refused('{"a":["\\ud800"]}', /unpaired surrogate/);
    refused('{"\\udc00":1}', /a key contains an unpaired surrogate/);
    assert.deepEqual(read('["\\ud83d\\ude00"]'), ["😀"]);
  });
});

describe("a frame", () => {
  const stage = new ConstructStage(systemClock);
  const principal = { jailId: "jail", session: "session", group: "group" };
  const construct = (value: unknown) => {
    const seen = { topic: null, correlation: null };
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return { call: stage.run(Buffer.from(text), principal, seen), seen };
  };
  const fails = (value: unknown, why: RegExp, field?: string) =>
    assert.throws(
      () => construct(value),
      (error) =>
        error instanceof Refusal &&
        error.payload.code === "VALIDATION_FAILED" &&
        error.payload.stage === 1 &&
        why.test(error.payload.message) &&
        error.payload.field === field,
      String(why),
    );
  const good = { topic: "tool.invoke.echo", correlation: "c", arguments: {} };

  test("is an object of three fields; the sender comes from the endpoint", () => {
    const { envelope } = construct(good).call;
    assert.deepEqual([envelope.source, envelope.group, envelope.correlation], ["jail", "group", "c"]);
    for (const value of ["[]", "1", '"x"', "null"]) fails(value, /not an object/);
    for (const field of ["source", "group", "session", "id"]) fails({ ...good, [field]: "x" }, /only/);
    for (const args of [[], null, "x", undefined])
      fails({ ...good, arguments: args }, /arguments must be an object/);
    fails("{", /cannot be read: it is not JSON/);
  });

  test("has a topic and a correlation within their bounds", () => {
    construct({ ...good, topic: "t".repeat(256), correlation: "c".repeat(128) });
    for (const topic of ["", "t".repeat(257), 1, null]) fails({ ...good, topic }, /topic/);
    for (const correlation of ["", "c".repeat(129), "a b", "ü", "\n", 1])
      fails({ ...good, correlation }, /correlation/);
  });

  test("has a maximum size, and so has each argument", () => {
    const overhead = JSON.stringify({ ...good, arguments: { a: "" } }).length;
    // Many members, none too large, so that the frame's own bound is met.
    const members = (bytes: number) => {
      const args: Record<string, string> = {};
      for (let n = 0; n < 10; n++) args[`m${n}`] = "x".repeat(100_000);
      const text = JSON.stringify({ ...good, arguments: args });
      args["rest"] = "x".repeat(bytes - text.length - ',"rest":""'.length);
      return JSON.stringify({ ...good, arguments: args });
    };
    assert.equal(construct(members(brokerLimits.maxFrameBytes)).call.bytes, brokerLimits.maxFrameBytes);
    fails(members(brokerLimits.maxFrameBytes + 1), /frame can have at most 1048576/);
    const one = (bytes: number) => ({ ...good, arguments: { "a/~": "x".repeat(bytes - 2) } });
    assert.ok(overhead > 0 && construct(one(brokerLimits.maxArgumentBytes)));
    fails(one(brokerLimits.maxArgumentBytes + 1), /argument can have at most 102400/, "a~1~0");
  });
});
