import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrictJson, StrictJsonError, textMember } from "./strict-json.ts";

const parse = (text: string | Uint8Array, depth = 64) => parseStrictJson(Buffer.from(text as string), depth);

test("reads what JSON.parse reads, where it can be read in one way only", () => {
  const texts = [
    '{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}',
    '[{"a":"a"},"a",{"a":"\\"a\\":"}]',
    '{"a":"{[:","b":"\\\\"}',
    '{"😀":"\\ud83d\\ude00","é":1.5e300}',
    ' { "a" : [ ] , "b" : { } } ',
    "null",
    '{"constructor":"Ford","prototype":null}',
    '"__proto__"',
    '{"x":"__proto__"}',
  ];
  for (const text of texts) assert.deepEqual(parse(text), JSON.parse(text), text);
});

test("takes nothing that could be read in two ways, or by nobody", () => {
  const texts = [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"a":{"b":1,"c":{},"b":2}}',
    '[{"a":1,"b":[{"a":1}],"a":2}]',
    '{"a" : 1, "a"\n: 2}',
    '{"__proto__":1}',
    '{"a":{"\\u005f\\u005fproto__":1}}',
    '{"a":{"constructor":{"prototype":{"b":1}}}}',
    '[{"prototype":[]}]',
    '{"a":1e400}',
    '{"a":-1e400}',
    '{"a":"\\udc00"}',
    '{"\\ud800":1}',
    '{"a":NaN}',
    '{"a":Infinity}',
    "{a:1}",
    '{"a":1,}',
    '{"a":01}',
    '{"a":"',
    '{"a":"\\',
    "",
    "\ufeff{}",
    "{}{}",
  ];
  for (const text of texts) assert.throws(() => parse(text), StrictJsonError, text);
  for (const bytes of [
    [0xff],
    [0x22, 0xc3, 0x28, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xc0, 0x80, 0x22],
  ]) {
    assert.throws(() => parse(Uint8Array.from(bytes)), StrictJsonError);
  }
});

test("looks at the depth before it builds anything", () => {
  const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  assert.doesNotThrow(() => parse(nested(64)));
  assert.throws(() => parse(nested(65)), StrictJsonError);
  assert.throws(() => parse("[".repeat(1_000_000)), StrictJsonError);
  assert.throws(() => parse('{"a":'.repeat(65)), StrictJsonError);
});

test("finds a text of the outermost object, whatever is wrong with the rest", () => {
  const found = (text: string | Uint8Array) => textMember(Buffer.from(text as string), "c");
  const deep = "[".repeat(500_000);
  for (const text of [
    '{"c":"x"}',
    ' { "a" : 1 , "c" : "x" , "b" : {} } ',
    '{"\\u0063":"\\u0078"}',
    '{"a":{"__proto__":1},"c":"x"}',
    '{"a":1,"a":[{"c":"y"}],"c":"x"}',
    '{"a":"\\"c\\":","c":"x","b":1e999}',
    '{"c":"x","a":NaN}',
    `{"c":"x","a":${deep}`,
    `{"a":${deep}${"]".repeat(500_000)},"c":"x"}`,
  ]) {
    assert.equal(found(text), "x", text.slice(0, 60));
  }
  for (const text of [
    "",
    "{",
    "{}",
    '"c"',
    '["c","x"]',
    '[{"c":"x"}]',
    '{"a":{"c":"x"}}',
    '{"c":"x","c":"y"}',
    '{"c":1,"c":"x"}',
    '{"c":["x"]}',
    '{"c":"\\x"}',
    '{"c":"x',
    '{}{"c":"x"}',
    '\ufeff{"c":"x"}',
    Buffer.concat([Buffer.from('{"c":"x","a":"'), Buffer.from([0xff]), Buffer.from('"}')]),
  ]) {
    assert.equal(found(text), undefined, String(text));
  }
});
