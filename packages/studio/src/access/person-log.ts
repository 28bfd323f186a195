import type { AccessInfo } from "@holdfast/server";
import type { Person } from "./person.ts";
import type { RouteName } from "./route-rules.ts";
import type { Rule } from "./rule.ts";

/** What a person did, as the audit log has it. */
export interface PersonRecord {
  readonly type: "person.action" | "person.request";
  /** The task that it was about. */
  readonly session?: string;
  readonly data: Readonly<Record<string, string>>;
}

/** A sign-in, or one that was refused. */
export interface SignInRecord {
  readonly type: "person.signed_in" | "person.sign_in_refused";
  readonly data: Readonly<Record<string, string>>;
}

/** Records sign-ins, after they have happened. */
export type RecordSignIn = (record: SignInRecord) => Promise<void>;

/** Records what people do, before it is done. */
export type RecordPerson = (record: PersonRecord) => Promise<void>;

/** These look up, though not everyone may: a page asks them while a person types. */
const lookUps: readonly string[] = [
  "organization.checkRepository",
  "organization.repositoryFiles",
  "organization.environment",
  ...["repository.pullRequest", "repository.issues", "repository.issue", "task.publishChoices"],
  ...["overview", "plans", "invoices", "refresh"].map((action) => `billing.${action}`),
  ...["audit", "verifyAudit", "secrets", "policy", "explainPolicy", "tryPolicy", "connections"].map(
    (action) => `administration.${action}`,
  ),
];

/** True for rules of what changes something. */
function isChange(rule: Rule | undefined): boolean {
  return rule !== undefined && !["public", "machine", "person", "viewer", "internal", "node"].includes(rule);
}

/** The record of an action; undefined for one that only reads. */
export function recordOfAction(
  person: Person,
  { kind, actor, action, key }: AccessInfo,
  rule: Rule | undefined,
): PersonRecord | undefined {
  const name = `${actor}.${action ?? kind}`;
  if (kind !== "action" || !isChange(rule) || lookUps.includes(name)) return undefined;
  const [id = ""] = key ?? [];
  const data = { ...whoIs(person), action: name, key: id };
  return { type: "person.action", ...(actor === "task" ? { session: id } : {}), data };
}

/** Whoever reads this has all of an organization. */
const exportRoute: RouteName = "GET /people/organizations/:organization/export";

/** The record of a request to a route; undefined for one that only reads, besides an export. */
export function recordOfRequest(
  person: Person,
  route: RouteName,
  params: Readonly<Record<string, string>>,
): PersonRecord | undefined {
  if (route.startsWith("GET ") && route !== exportRoute) return undefined;
  const { task } = params;
  const data = { ...whoIs(person), route, ...params };
  return { type: "person.request", ...(task === undefined ? {} : { session: task }), data };
}

/** Who it was, and how they signed in: with a link of the operator, a session or an API token. */
function whoIs({ id, name, isOperator, hasToken }: Person): Readonly<Record<string, string>> {
  const via = isOperator ? "login" : hasToken === true ? "token" : "session";
  return { person: id, ...(name === undefined ? {} : { name }), via };
}
