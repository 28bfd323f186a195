import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { Namespaces, type NamespacesConfig } from "./namespaces.ts";

const definitions = ["counter", "chat:room"];
const acme = { token: "token-of-acme" };
const make = (options: Omit<NamespacesConfig, "definitions"> = {}) =>
  new Namespaces({ ...options, definitions });

test("without namespaces, a name is what it was, colons included", () => {
  const one = make();
  assert.equal(one.areMany, false);
  for (const name of [...definitions, "other:thing"]) {
    assert.deepEqual([one.stored(name), one.bare(name), one.of(name)], [name, name, "default"]);
  }
  assert.deepEqual(one.filter("default"), {});
  one.admit("default", "anything");
});

test("a prefix is a namespace only if the server has it", () => {
  const many = make({ namespaces: { acme } });
  assert.deepEqual(
    ["acme:counter", "chat:room", "acme:chat:room", "counter"].map((name) => [
      many.of(name),
      many.bare(name),
    ]),
    [
      ["acme", "counter"],
      ["default", "chat:room"],
      ["acme", "chat:room"],
      ["default", "counter"],
    ],
  );
  assert.throws(() => many.stored("gamma:counter"), isCode("namespace", "unknown"));
  assert.throws(() => many.named("gamma"), isCode("namespace", "unknown"));
  assert.equal(many.stored("default:counter"), "counter");
  assert.throws(() => many.stored("default:acme:counter"), isCode("namespace", "unknown"));
});

test("the default namespace has a second name, and may have a token", () => {
  const named = make({ namespaces: { prod: { token: "token-of-prod" } }, ownName: "prod" });
  assert.equal(named.stored("prod:counter"), "counter");
  assert.equal(named.named("prod"), "default");
  assert.equal(named.areMany, true);
  named.admit("default", "token-of-prod");
  assert.throws(() => named.admit("default", undefined), isCode("namespace", "unauthorized"));
});

test("a token opens its own namespace only", () => {
  const many = make({ namespaces: { acme, open: {} } });
  many.admit("acme", acme.token);
  many.admit("open", undefined);
  many.admit("default", "a token for the program's own hook");
  for (const [namespace, token] of [
    ["acme", undefined],
    ["acme", "token-of-acmf"],
    ["open", acme.token],
    ["default", acme.token],
  ] as const) {
    assert.throws(() => many.admit(namespace, token), isCode("namespace", "unauthorized"), namespace);
  }
});

test("bad namespaces are refused when the server is made", () => {
  const bad: readonly Omit<NamespacesConfig, "definitions">[] = [
    { namespaces: { "": {} } },
    { namespaces: { "a b": {} } },
    { namespaces: { [`a${"b".repeat(63)}`]: {} } },
    { namespaces: { acme: { token: "short" } } },
    { namespaces: { acme: { token: "with a space" } } },
    { namespaces: { acme, beta: acme } },
    { namespaces: { chat: {} } },
    { ownName: "a:b" },
  ];
  for (const options of bad) assert.throws(() => make(options), isCode("gateway", "invalid_config"));
  make({ namespaces: { [`a${"b".repeat(62)}`]: {} } });
});

function isCode(group: string, code: string): (error: unknown) => boolean {
  return (error) => isErrorCode(error, group, code);
}
