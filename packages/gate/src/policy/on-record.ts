import type { Principal, Tool } from "../broker/tool.ts";
import type { PolicyDecision } from "./policy.ts";

/** What the audit log keeps of a decision: enough to ask other rules the same question, save arguments. */
export function decisionOnRecord(
  { plugin, riskLevel, name }: Tool,
  { group, organization, user, agent }: Principal,
  tainted: boolean,
  { action, rule, reason }: PolicyDecision,
): Readonly<Record<string, unknown>> {
  return {
    ...{ tool: name, plugin, risk: riskLevel, tainted, decision: action, rule, reason, group },
    ...(organization === undefined ? {} : { organization }),
    ...(user === undefined ? {} : { user }),
    ...(agent === undefined ? {} : { agent }),
  };
}
