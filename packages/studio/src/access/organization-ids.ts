/** The organization of everything that existed before there were others, and the only one without accounts. */
export const localOrganization = "local";

/**
 * The id of a new organization. It is a part of names of folders and jails, so it is short and has no underscore; what it
 * begins with tells it from other ids.
 */
export function newOrganizationId(): string {
  return `org${randomHex()}`;
}

function randomHex(): string {
  return [...crypto.getRandomValues(new Uint8Array(6))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

/** The organization, besides the first one, that a text of an audit record names by an id; undefined for none. */
export function organizationNamedBy(id: unknown): string | undefined {
  return typeof id === "string" ? /^(org[0-9a-f]{12})(?:_|$)/.exec(id)?.[1] : undefined;
}

/**
 * The organization of a task, a session, an environment or a repository: the id starts with it. Ids without one belong to
 * the first organization.
 */
export function organizationOfId(id: string): string {
  const end = id.indexOf("_");
  return end < 0 ? localOrganization : id.slice(0, end);
}

/** The id of something that belongs to an organization. */
export function inOrganization(organization: string, id: string): string {
  return organization === localOrganization ? id : `${organization}_${id}`;
}

/** Path of an organization's pages, without a slash at the end. */
export function pagesOf(organization: string): string {
  return organization === localOrganization ? "" : `/o/${organization}`;
}

/** The organization whose actor has this key. */
export function organizationOfKey([organization = localOrganization]: readonly string[]): string {
  return organization;
}

/**
 * The key of an actor for one person in one organization. Ids of people may have any characters, so that the organization
 * is a part of its own.
 */
export function personalKey(organization: string, person: string): string[] {
  return organization === localOrganization ? [person] : [organization, person];
}

/** Whose actor it is that has this key, and in which organization. */
export function readPersonalKey(key: readonly string[]): {
  readonly organization: string;
  readonly person: string;
} {
  const [first = "", second] = key;
  return second === undefined
    ? { organization: localOrganization, person: first }
    : { organization: first, person: second };
}
