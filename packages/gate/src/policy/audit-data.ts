import type { Principal, Tool } from "../broker/tool.ts";
import type { PolicyDecision } from "./policy.ts";

/** What the audit log stores of a decision: enough to replay it against other rules, except the arguments. */
export function decisionAuditData(
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
