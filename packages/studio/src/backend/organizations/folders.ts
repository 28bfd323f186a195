import { HoldfastError } from "@holdfast/core";
import { localOrganization, organizationOfKey } from "../../access/organization-ids.ts";
import { operator } from "../../access/person.ts";
import { type ConnectionsContext, listRepositories } from "../repositories/connections.ts";

/**
 * Folders of this machine are for the first organization, and for the operator. Throws `repository.folder_not_allowed`.
 */
export function requireFolders(organization: string, person: string | undefined): void {
  if (organization === localOrganization || person === operator.id) return;
  const message =
    "Folders of this machine are for its first organization. Connect a repository, and choose it instead.";
  throw new HoldfastError("repository", "folder_not_allowed", message, { statusCode: 403 });
}

/** True for whoever may know about the machine: the first organization, and the operator. */
export function hasMachine({ key, conn }: Pick<FolderContext, "key" | "conn">): boolean {
  return organizationOfKey(key) === localOrganization || conn.state.person === operator.id;
}

export type FolderContext = ConnectionsContext & { readonly conn: { readonly state: { person: string } } };

/** Throws `repository.folder_not_allowed` for a folder that is not connected to the organization and not open to it. */
export async function requireFolder(c: FolderContext, path: string): Promise<void> {
  const organization = organizationOfKey(c.key);
  if (organization === localOrganization) return;
  const connected = await listRepositories(c);
  if (connected.some(({ kind, name }) => kind === "folder" && name === path)) return;
  requireFolders(organization, c.conn.state.person);
}
