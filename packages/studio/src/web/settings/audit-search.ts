import { type AuditDecision, auditDecisions } from "../../contract/administration.ts";

/** Which records the page of the audit log shows. */
export interface AuditSearch {
  readonly type?: string;
  readonly person?: string;
  readonly task?: string;
  readonly decision?: AuditDecision;
  /** Name of a node of a cluster. */
  readonly node?: string;
  /** Days, in the time of the browser: "2026-01-31". */
  readonly since?: string;
  readonly until?: string;
}

export function readAuditSearch(search: Readonly<Record<string, unknown>>): AuditSearch {
  const text = (name: "type" | "person" | "task" | "node") => {
    const value = search[name];
    const given = typeof value === "number" ? String(value) : value;
    return typeof given === "string" && given !== "" ? { [name]: given.slice(0, 400) } : {};
  };
  const day = (name: "since" | "until") => {
    const value = search[name];
    return typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) ? { [name]: value } : {};
  };
  const decision = auditDecisions.find((each) => each === search["decision"]);
  return {
    ...text("type"),
    ...text("person"),
    ...text("task"),
    ...text("node"),
    ...(decision === undefined ? {} : { decision }),
    ...day("since"),
    ...day("until"),
  };
}
