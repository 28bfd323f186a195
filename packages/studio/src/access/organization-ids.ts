/** The organization of everything that existed before there were others, and the only one without accounts. */
export const localOrganization = "local";

/** Ids of organizations: short, as they are a part of the names of folders and sockets, and without an underscore. */
const organizationIdPattern = /^[a-z0-9]{1,16}$/;

export function isOrganizationId(id: string): boolean {
  return organizationIdPattern.test(id);
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
