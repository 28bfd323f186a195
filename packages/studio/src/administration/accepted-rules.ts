import type { AcceptedRule, PolicyCondition, PolicyRule } from "@holdfast/gate";
import type { AcceptedRuleView } from "../contract/administration.ts";

export function acceptedRuleView({ rule, isInForce, acceptance }: AcceptedRule): AcceptedRuleView {
  const { id, tools } = rule;
  const { at, by, name, task } = acceptance ?? {};
  return {
    ...{ id, tools, conditions: conditionsOf(rule), isInForce },
    ...(at === undefined ? {} : { acceptedAt: at }),
    ...(by === undefined ? {} : { acceptedBy: by }),
    ...(name === undefined ? {} : { name }),
    ...(task === undefined ? {} : { task }),
  };
}

/** What must hold for a rule, in words. */
function conditionsOf({ subjects = {}, when = [], tainted }: PolicyRule): readonly string[] {
  return [
    ...Object.entries(subjects).map(([subject, value]) => `${subject} is ${value}`),
    ...when.map(conditionText),
    ...(tainted === undefined
      ? []
      : [tainted ? "untrusted content is in the session" : "no untrusted content is in the session"]),
  ];
}

export function conditionText(condition: PolicyCondition): string {
  const { pointer } = condition;
  if ("equals" in condition) return `${pointer} is ${JSON.stringify(condition.equals)}`;
  if ("in" in condition) return `${pointer} is one of ${JSON.stringify(condition.in)}`;
  if ("prefix" in condition) return `${pointer} begins with ${JSON.stringify(condition.prefix)}`;
  if ("matches" in condition) return `${pointer} matches ${JSON.stringify(condition.matches)}`;
  if ("under" in condition) return `${pointer} is in the folder ${condition.under}`;
  if ("max" in condition) return `${pointer} is at most ${condition.max}`;
  if ("min" in condition) return `${pointer} is at least ${condition.min}`;
  return condition.absent ? `${pointer} is not given` : `${pointer} is given`;
}
