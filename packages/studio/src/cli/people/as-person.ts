/** Requests of commands as the person of a login. */
import { UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { localOrganization } from "../../access/organization-ids.ts";
import type { Profile } from "../../contract/people.ts";
import { findOrganization } from "../server/find-organization.ts";
import type { Login } from "./login-file.ts";

export function headersOf({ token }: Login): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}

/** Who the login is. Throws `login.refused`, `login.unreachable`. */
export async function profileOf(login: Login): Promise<Profile> {
  const { url } = login;
  const response = await fetch(`${url}/people/me`, { headers: headersOf(login), redirect: "error" }).catch(
    (cause: unknown) => {
      throw new HoldfastError("login", "unreachable", `The Studio at ${url} does not answer`, { cause });
    },
  );
  if (response.ok && response.headers.get("content-type")?.startsWith("application/json") === true)
    return (await response.json()) as Profile;
  const isNone = response.status === 404 || response.ok;
  const message = isNone
    ? `There is no Studio with accounts at ${url}`
    : `The Studio at ${url} does not accept the token: it may have expired, or was revoked. Create one on the page Account, and run: holdfast login ${url}`;
  throw new HoldfastError("login", "refused", message, { statusCode: 401 });
}

/**
 * The organization that a command is about: the given one; or else the first one of the Studio, or the only one, that the
 * person belongs to. Throws a `UsageError` if that leaves several, and what {@link findOrganization} throws.
 */
export async function organizationOfPerson(login: Login, given: string | undefined): Promise<string> {
  const { organizations } = await profileOf(login);
  if (given !== undefined) return findOrganization(login.url, headersOf(login), given);
  const [first, ...more] = organizations;
  if (organizations.some(({ id }) => id === localOrganization)) return localOrganization;
  if (first !== undefined && more.length === 0) return first.id;
  throw new UsageError(
    first === undefined
      ? "You are in no organization of this Studio"
      : `Choose an organization with --organization: ${organizations.map(({ id }) => id).join(", ")}`,
  );
}
