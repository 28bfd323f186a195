import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { withRule } from "./add-rule.ts";
import type { PolicyAction } from "./policy.ts";
import type { PolicyRule } from "./rule.ts";

const rule = (id: string, action: PolicyAction, ...tools: string[]): PolicyRule => ({ id, action, tools });
const added = rule("new", "allow", "mail_send");

test("a proposed rule comes before what asks about its tool, and after what forbids", () => {
  const places = (...rules: PolicyRule[]) => withRule(rules, added).map(({ id }) => id);
  assert.deepEqual(places(), ["new"]);
  assert.deepEqual(places(rule("a", "ask", "other_*")), ["a", "new"]);
  assert.deepEqual(places(rule("a", "deny", "mail_*"), rule("b", "ask", "*")), ["a", "new", "b"]);
  assert.deepEqual(places(added, rule("b", "ask", "*")), ["new", "b"], "it is there once");
});

test("it is not put before a rule that forbids calls of its tool", () => {
  const rules = [rule("a", "ask", "mail_*"), rule("b", "deny", "mail_send")];
  assert.throws(
    () => withRule(rules, added),
    (error: unknown) => isErrorCode(error, "policy", "rule_conflict"),
  );
});
