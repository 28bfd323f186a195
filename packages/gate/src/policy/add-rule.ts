import { HoldfastError, isErrorCode } from "@holdfast/core";
import { matchesGlob } from "./glob.ts";
import type { PolicyRule } from "./rule.ts";

/**
 * Inserts a proposed rule before the first one that asks about its tool, so that it takes precedence, else at the end.
 * Throws `policy.rule_conflict` if a rule that denies would come after it: a person has to decide which takes
 * precedence.
 */
export function withRule(rules: readonly PolicyRule[], added: PolicyRule): readonly PolicyRule[] {
  if (rules.some(({ id }) => id === added.id)) return rules;
  const about = (rule: PolicyRule) =>
    added.tools.some((tool) => rule.tools.some((pattern) => matchesGlob(pattern, tool)));
  const asking = rules.findIndex((rule) => rule.action === "ask" && about(rule));
  const at = asking < 0 ? rules.length : asking;
  const forbids = rules.slice(at).find((rule) => rule.action === "deny" && about(rule));
  if (forbids !== undefined) {
    const message = `The rule ${forbids.id} of the policy file denies calls of this tool. If the new rule should take precedence, write it into the file`;
    throw new HoldfastError("policy", "rule_conflict", message, { statusCode: 409 });
  }
  return [...rules.slice(0, at), added, ...rules.slice(at)];
}

/**
 * The rules of a file with those that people accepted at any node. One that a rule of the file would contradict is left
 * out.
 */
export function withAcceptedRules(
  rules: readonly PolicyRule[],
  accepted: readonly PolicyRule[],
): readonly PolicyRule[] {
  return accepted.reduce((inForce, rule) => {
    try {
      return withRule(inForce, rule);
    } catch (error) {
      if (!isErrorCode(error, "policy", "rule_conflict")) throw error;
      return inForce;
    }
  }, rules);
}
