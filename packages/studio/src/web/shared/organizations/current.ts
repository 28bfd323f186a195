/** Which organization a page shows, and those of the person. */
import { localOrganization, organizationOfId } from "../../../access/organization-ids.ts";

/** Which organization a page shows, and where. */
export interface OrganizationPlace {
  readonly organization: string;
  /** What addresses of its pages begin with. */
  readonly basepath: string;
  /** The address of the page, without its query. */
  readonly path: string;
}

const prefix = /^\/o\/([a-z0-9]{1,16})(?=\/|$)/;
const named = /^\/(?:tasks|repositories)\/([^/]+)/;

/** Where a page of an organization is. Those of the first one are where they were before there were others. */
export function pathIn(organization: string, path = "/"): string {
  return organization === localOrganization ? path : `/o/${organization}${path}`;
}

/**
 * The organization of an address: it begins with it, or has the id of a task or a repository. The start page is that of the
 * organization that was open last.
 */
export function placeOf(address: string, remembered: string | null): OrganizationPlace {
  const explicit = prefix.exec(address);
  const rest = explicit === null ? address : address.slice(explicit[0].length) || "/";
  const id = named.exec(rest)?.[1];
  const isStart = address === "/" && remembered !== null && prefix.test(`/o/${remembered}`);
  const organization =
    id !== undefined
      ? organizationOfId(decodeURIComponent(id))
      : (explicit?.[1] ?? (isStart ? remembered : localOrganization));
  const basepath = organization === localOrganization ? "/" : `/o/${organization}`;
  return { organization, basepath, path: pathIn(organization, rest) };
}

const key = "holdfast.organization";
let current: OrganizationPlace = { organization: localOrganization, basepath: "/", path: "/" };

/** The organization of this page. It stays the same until another page is loaded. */
export function currentOrganization(): string {
  return current.organization;
}

/** Finds the organization of the address, and corrects the address. Called once, before anything is shown. */
export function enterOrganization(): OrganizationPlace {
  const { pathname, search, hash } = window.location;
  const isPlain = search === "" && hash === "";
  current = placeOf(pathname, isPlain ? remembered() : null);
  if (current.path !== pathname) history.replaceState(history.state, "", current.path + search + hash);
  const isKnown = remembered() !== null;
  if (isKnown || current.organization !== localOrganization) remember(current.organization);
  return current;
}

/** Opens another organization. */
export function openOrganization(id: string): void {
  remember(id);
  window.location.assign(pathIn(id));
}

/** What this tab shows counts before what another one has shown last. */
function remembered(): string | null {
  try {
    return sessionStorage.getItem(key) ?? localStorage.getItem(key);
  } catch {
    // A browser may refuse storage.
    return null;
  }
}

export function remember(id: string): void {
  try {
    sessionStorage.setItem(key, id);
    localStorage.setItem(key, id);
  } catch {
    // The next start page is that of the first organization.
  }
}
