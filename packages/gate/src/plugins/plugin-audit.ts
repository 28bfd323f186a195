import type { Audit, AuditRecord } from "../audit/audit.ts";
import { pluginLimits } from "./plugin-limits.ts";

/** Audit records searched for one query of a plugin. */
const maxSearchedRecords = 10_000;

/** Results of a plugin's tool calls in one group, each with the data of its call, newest last. */
export async function auditOfPlugin(audit: Audit, plugin: string, group: string): Promise<AuditRecord[]> {
  const [calls, results] = await Promise.all([
    audit.query({ type: "tool.call", limit: maxSearchedRecords, newest: true }),
    audit.query({ type: "tool.result", limit: maxSearchedRecords, newest: true }),
  ]);
  const resultByCall = new Map(results.map((each) => [each.data?.["call"], each]));
  return calls
    .filter(({ data }) => data?.["plugin"] === plugin && data["group"] === group)
    .flatMap((each) => {
      const result = resultByCall.get(each.data?.["call"]);
      return result === undefined ? [] : [{ ...result, data: { ...each.data, ...result.data } }];
    });
}

/** Audit records in the form that handlers receive, newest last; `filter` comes from the plugin and is untrusted. */
export function auditEntries(records: readonly AuditRecord[], filter: object) {
  const matches = (name: string, value: unknown) => {
    const expected: unknown = Reflect.get(filter, name);
    return expected === undefined || expected === value;
  };
  const time = (name: string, fallback: number) => {
    const expected: unknown = Reflect.get(filter, name);
    return typeof expected === "string" ? Date.parse(expected) : fallback;
  };
  const last: unknown = Reflect.get(filter, "last_n");
  const limit =
    typeof last === "number"
      ? Math.min(Math.max(1, last), pluginLimits.auditAnswers)
      : pluginLimits.auditAnswers;
  return records
    .map(({ seq, at, type, data = {} }) => ({
      id: String(seq),
      timestamp: new Date(at).toISOString(),
      topic: `tool.invoke.${String(data["tool"])}`,
      correlation: String(data["correlation"] ?? ""),
      outcome: data["outcome"] === "error" || data["ok"] === false ? "error" : "success",
      detail: { type, ...data },
    }))
    .filter(
      (each) =>
        matches("correlation", each.correlation) &&
        matches("topic", each.topic) &&
        matches("outcome", each.outcome) &&
        Date.parse(each.timestamp) >= time("since", 0) &&
        Date.parse(each.timestamp) <= time("until", Number.MAX_SAFE_INTEGER),
    )
    .slice(-limit);
}
