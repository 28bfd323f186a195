import { corePlugin } from "../broker/catalog.ts";
import type { Principal } from "../broker/tool.ts";
import { allHold, type Truth } from "./conditions.ts";
import { matchesGlob, matchesSubject } from "./glob.ts";
import type { PolicyAction, PolicyDecision } from "./policy.ts";
import { type PolicyRule, policySubjects } from "./rule.ts";

/** A policy question in which some parts may be unknown. */
export interface PartialQuestion {
  readonly tool: { readonly name: string; readonly plugin: string; readonly riskLevel: "low" | "high" };
  /** Undefined when they were not stored. */
  readonly arguments: unknown;
  readonly principal: Partial<Principal>;
  readonly tainted: boolean;
}

/** Result of one rule. */
export interface PolicyStep {
  readonly rule: string;
  readonly action: PolicyAction;
  /** "unclear": its conditions cannot be judged. */
  readonly matched: Truth;
  /** Why it did not match, or cannot be judged. */
  readonly because?: "tool" | "subject" | "tainted" | "arguments";
}

/** A decision with its trace. */
export interface Evaluation extends PolicyDecision {
  /** Every rule that was evaluated, in order, and the default if no rule decided for certain. */
  readonly steps: readonly PolicyStep[];
  /** Every decision that is possible, given the unclear conditions. */
  readonly possible: readonly PolicyAction[];
}

const strictness: Readonly<Record<PolicyAction, number>> = { allow: 0, ask: 1, deny: 2 };

/**
 * The first matching rule decides. If a match is unclear, both outcomes are evaluated and the stricter one counts, so
 * that an ambiguous call can neither evade a rule nor profit from one.
 */
export function evaluate(rules: readonly PolicyRule[], question: PartialQuestion): Evaluation {
  const steps: PolicyStep[] = [];
  const decisions: PolicyDecision[] = [];
  let decided = false;
  for (const rule of rules) {
    const step = stepOf(rule, question);
    steps.push(step);
    if (step.matched === false) continue;
    decisions.push(decisionOf(rule));
    decided = step.matched === true;
    if (decided) break;
  }
  if (!decided) {
    const fallback = defaultDecision(question);
    decisions.push(fallback);
    steps.push({ rule: fallback.rule, action: fallback.action, matched: true });
  }
  const strictest = decisions.reduce((a, b) => (strictness[b.action] > strictness[a.action] ? b : a));
  return { ...strictest, steps, possible: [...new Set(decisions.map((each) => each.action))] };
}

/** The decision without its trace, for each call. */
export function decideBy(rules: readonly PolicyRule[], question: PartialQuestion): PolicyDecision {
  const { action, rule, reason } = evaluate(rules, question);
  return { action, rule, reason };
}

function stepOf(rule: PolicyRule, question: PartialQuestion): PolicyStep {
  const { id, action } = rule;
  const not = (because: "tool" | "subject" | "tainted"): PolicyStep => ({
    ...{ rule: id, action, because },
    matched: false,
  });
  if (!rule.tools.some((each) => matchesGlob(each, question.tool.name))) return not("tool");
  if (!isSubject(rule, question.principal)) return not("subject");
  if (rule.tainted !== undefined && rule.tainted !== question.tainted) return not("tainted");
  const matched = allHold(rule.when ?? [], question.arguments);
  return { rule: id, action, matched, ...(matched === true ? {} : { because: "arguments" }) };
}

/** Whether every subject that the rule names is known and matches. */
function isSubject({ subjects = {} }: PolicyRule, principal: Partial<Principal>): boolean {
  return policySubjects.every((name) => {
    const wanted = subjects[name];
    const given = principal[name];
    return wanted === undefined || (given !== undefined && matchesSubject(wanted, given));
  });
}

function decisionOf({ id, action, reason }: PolicyRule): PolicyDecision {
  return { action, rule: id, reason: reason ?? "decided by a rule of the policy file" };
}

/** Default when no rule matches: allow low risk, ask for high risk; taint makes every risk high. */
function defaultDecision({ tool, tainted }: Pick<PartialQuestion, "tool" | "tainted">): PolicyDecision {
  if (tool.riskLevel === "high") {
    return { action: "ask", rule: "default: high risk", reason: "the tool has a high risk" };
  }
  if (tainted && tool.plugin !== corePlugin) {
    const reason = "untrusted content has entered the session";
    return { action: "ask", rule: "default: tainted", reason };
  }
  return { action: "allow", rule: "default: low risk", reason: "the tool has a low risk" };
}
