import type { AuditRecord } from "../audit/audit.ts";
import { type Evaluation, evaluate, type PartialQuestion } from "./evaluate.ts";
import type { PolicyAction } from "./policy.ts";
import type { PolicyRule } from "./rule.ts";

/** Result of replaying one call of the audit log. */
export interface DryRunRow {
  /** Sequence number of its record. */
  readonly seq: number;
  readonly at: number;
  readonly tool: string;
  readonly session: string;
  readonly group: string;
  readonly before: { readonly action: PolicyAction; readonly rule: string };
  readonly after: { readonly action: PolicyAction; readonly rule: string };
  /** "depends": the rules look at arguments, which the audit log does not store. */
  readonly outcome: "same" | "changed" | "depends";
  /** Every possible decision. */
  readonly possible: readonly PolicyAction[];
}

/** Types of audit records that contain a policy decision. */
const kinds = new Set(["tool.call", "tool.refused", "tool.confirmation_asked"]);

/**
 * Replays the tool calls of an audit log against other rules. A question that a person was asked several
 * times is one call. Skips records without a policy decision.
 */
export async function* dryRunPolicy(
  records: AsyncIterable<AuditRecord>,
  rules: readonly PolicyRule[],
): AsyncGenerator<DryRunRow> {
  const asked = new Set<string>();
  for await (const record of records) {
    const read = kinds.has(record.type) ? readCall(record) : undefined;
    if (read === undefined) continue;
    const { approval, before, question } = read;
    if (approval !== undefined) {
      if (asked.has(approval)) continue;
      asked.add(approval);
    }
    const { possible, action, rule }: Evaluation = evaluate(rules, question);
    const [only, ...others] = possible;
    const outcome = others.length > 0 ? "depends" : only === before.action ? "same" : "changed";
    yield {
      ...{ seq: record.seq, at: record.at, tool: question.tool.name },
      session: question.principal.session ?? "",
      group: question.principal.group ?? "",
      ...{ before, after: { action, rule }, outcome, possible },
    };
  }
}

interface ReplayedCall {
  readonly approval: string | undefined;
  readonly before: DryRunRow["before"];
  readonly question: PartialQuestion;
}

function readCall({ session, jailId, data = {} }: AuditRecord): ReplayedCall | undefined {
  const { tool, plugin, risk, tainted, decision, rule } = data;
  const text = (name: string): string | undefined => {
    const value = data[name];
    return typeof value === "string" ? value : undefined;
  };
  if (typeof tool !== "string" || typeof plugin !== "string" || typeof rule !== "string") return undefined;
  if (typeof tainted !== "boolean" || (risk !== "low" && risk !== "high")) return undefined;
  if (decision !== "allow" && decision !== "ask" && decision !== "deny") return undefined;
  const [group, organization, user, agent] = ["group", "organization", "user", "agent"].map(text);
  return {
    approval: text("approval"),
    before: { action: decision, rule },
    question: {
      tool: { name: tool, plugin, riskLevel: risk },
      arguments: undefined,
      principal: {
        ...(session === undefined ? {} : { session }),
        ...(jailId === undefined ? {} : { jailId }),
        ...(group === undefined ? {} : { group }),
        ...(organization === undefined ? {} : { organization }),
        ...(user === undefined ? {} : { user }),
        ...(agent === undefined ? {} : { agent }),
      },
      tainted,
    },
  };
}
