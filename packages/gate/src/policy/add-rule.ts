import { HoldfastError } from "@holdfast/core";
import { matchesGlob } from "./glob.ts";
import type { PolicyRule } from "./rule.ts";

/**
 * The rules with a proposed one among them: before the first that asks about its tool, so that it decides, else
 * at the end. Throws `policy.rule_conflict` where a rule that forbids would come after it: which of the two is
 * meant to win, a person has to write.
 */
export function withRule(rules: readonly PolicyRule[], added: PolicyRule): readonly PolicyRule[] {
  if (rules.some(({ id }) => id === added.id)) return rules;
  const about = (rule: PolicyRule) =>
    added.tools.some((tool) => rule.tools.some((pattern) => matchesGlob(pattern, tool)));
  const asking = rules.findIndex((rule) => rule.action === "ask" && about(rule));
  const at = asking < 0 ? rules.length : asking;
  const forbids = rules.slice(at).find((rule) => rule.action === "deny" && about(rule));
  if (forbids !== undefined) {
    const message = `The rule ${forbids.id} of the policy file forbids calls of this tool: write the new rule by hand`;
    throw new HoldfastError("policy", "rule_conflict", message, { statusCode: 409 });
  }
  return [...rules.slice(0, at), added, ...rules.slice(at)];
}
