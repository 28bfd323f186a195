import { HoldfastError } from "@holdfast/core";
import { type Role, type Rule, roles } from "./rules.ts";

/** The headers of a request, by their lower-case names. */
export interface RequestHeaders {
  header(name: string): string | undefined;
}

/** Whoever sends a request. */
export interface Person {
  readonly id: string;
  /** True for the operator of the server, who may do everything in every organization. */
  readonly isOperator: boolean;
  /** Role by the id of the organization. */
  readonly memberships: ReadonlyMap<string, Role>;
}

/**
 * The port for accounts: who sends a request, and with which memberships; undefined if nobody signed in. It is asked
 * for each request and each call over a connection: what it no longer says has no effect any more.
 */
export type Identify = (request: RequestHeaders) => Person | undefined | Promise<Person | undefined>;

/** The organization of everything that existed before there were others, and the only one without accounts. */
export const localOrganization = "local";

/** The operator, who is the only person if there are no accounts. */
export const operator: Person = { id: "operator", isOperator: true, memberships: new Map() };

/**
 * Throws `auth.unauthorized` if nobody signed in, and `auth.forbidden` unless the person may do what the rule says in
 * this organization. A missing rule allows nobody, and neither does an organization that is not known.
 */
export function requireRule(
  person: Person | undefined,
  rule: Rule | undefined,
  organization: string | undefined,
): void {
  if (rule === "public" || rule === "machine") return;
  if (person === undefined) throw unauthorized();
  if (rule === undefined || rule === "internal") throw forbidden("Only the Studio itself can do this");
  if (person.isOperator || rule === "person") return;
  if (rule === "operator") throw forbidden("Only the operator of this server can do this");
  const role = organization === undefined ? undefined : person.memberships.get(organization);
  if (role === undefined) throw forbidden("You are not a member of this organization");
  if (roles.indexOf(role) < roles.indexOf(rule))
    throw forbidden(`This needs the role "${rule}" in the organization, and yours is "${role}"`);
}

export function unauthorized(): HoldfastError {
  return new HoldfastError(
    "auth",
    "unauthorized",
    'Not signed in. Open the link that "npx holdfast url" prints. Add --data if the server was started with it.',
  );
}

function forbidden(message: string): HoldfastError {
  return new HoldfastError("auth", "forbidden", message);
}
