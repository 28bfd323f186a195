import { HoldfastError } from "@holdfast/core";
import type { TokenScope } from "../contract/people.ts";
import { readPersonalKey } from "./organization-ids.ts";
import { isAtLeast, type Role } from "./roles.ts";
import type { Rule } from "./rule.ts";

/** The headers of a request, by their lower-case names. */
export interface RequestHeaders {
  header(name: string): string | undefined;
}

/** Whoever sends a request. */
export interface Person {
  readonly id: string;
  /** What other people see, if it is known. */
  readonly name?: string;
  /** True for the operator of the server, who may do everything in every organization. */
  readonly isOperator: boolean;
  /** True for a request with an API token, which cannot manage the account itself. */
  readonly hasToken?: boolean;
  /** What that token may do. */
  readonly tokenScope?: TokenScope;
  /** The role in an organization; undefined for a person who is no member. */
  roleIn(organization: string): Role | undefined | Promise<Role | undefined>;
}

/**
 * The port for accounts: who sends a request, and with which memberships; undefined if nobody signed in. It is asked
 * for each request and each call over a connection: what it no longer says has no effect any more.
 */
export type Identify = (request: RequestHeaders) => Person | undefined | Promise<Person | undefined>;

/** The operator, who is the only person if there are no accounts. */
export const operator: Person = { id: "operator", isOperator: true, roleIn: () => "owner" };

/**
 * Throws `auth.unauthorized` if nobody signed in, and `auth.forbidden` unless the person may do what the rule says in
 * this organization. A missing rule allows nobody, and neither does an organization that is not known.
 */
export function requireRule(
  person: Person | undefined,
  rule: Rule | undefined,
  organization: string | undefined,
): Promise<void> | void {
  if (rule === "public" || rule === "machine") return;
  if (person === undefined) throw unauthorized();
  if (rule === undefined || rule === "internal" || rule === "node")
    throw forbidden("Only the Studio itself can do this");
  if (rule === "account") {
    if (person.isOperator) throw forbidden("The operator has no account");
    if (person.hasToken !== true) return;
    throw forbidden("An API token cannot do this. Sign in.");
  }
  if (person.isOperator || rule === "person") return;
  if (rule === "operator") throw forbidden("Only the operator of this server can do this");
  const role = organization === undefined ? undefined : person.roleIn(organization);
  if (role instanceof Promise) return role.then((found) => requireRole(found, rule));
  requireRole(role, rule);
}

/**
 * Throws `auth.forbidden` for a token without the scope "all": a program that uses one may be the agent whose question
 * this is, and must not approve itself.
 */
export function requireAnswering(person: Person | undefined): void {
  requireFullScope(person, "answers what people are asked");
}

/** Throws `auth.forbidden` for a token without the scope "all": whoever made it has not lent it this right. */
export function requireGivingUp(person: Person | undefined): void {
  requireFullScope(person, "lets its person leave an organization");
}

function requireFullScope(person: Person | undefined, does: string): void {
  if (person?.tokenScope === undefined || person.tokenScope === "all") return;
  throw forbidden(`Only an API token with the scope "all" ${does}, and this one has "${person.tokenScope}"`);
}

/** Throws `auth.forbidden` unless the actor with this key is the person's own, in whichever organization. */
export function requireOwn(person: Person | undefined, key: readonly string[] | undefined): void {
  const isOne = key?.length === 1 || key?.length === 2;
  if (person?.isOperator === true || (isOne && readPersonalKey(key).person === person?.id)) return;
  throw forbidden("This belongs to somebody else");
}

function requireRole(role: Role | undefined, least: Role): void {
  if (role === undefined) throw forbidden("You are not a member of this organization");
  if (!isAtLeast(role, least))
    throw forbidden(`This needs the role "${least}" in the organization, and yours is "${role}"`);
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
