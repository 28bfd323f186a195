import { HoldfastError } from "@holdfast/core";
import { localOrganization } from "../../access/organization-ids.ts";
import type { OrganizationSummary } from "../../contract/people.ts";

/**
 * The id of the organization with this id or name, at a running Studio. Throws `organization.not_found`,
 * `organization.ambiguous_name`.
 */
export async function findOrganization(
  url: string,
  headers: Readonly<Record<string, string>>,
  given?: string,
): Promise<string> {
  if (given === undefined || given === localOrganization) return localOrganization;
  const response = await fetch(`${url}/people/organizations`, { headers });
  const { organizations = [] } = (await response.json()) as {
    readonly organizations?: readonly OrganizationSummary[];
  };
  const byId = organizations.find(({ id }) => id === given);
  if (byId !== undefined) return byId.id;
  const named = organizations.filter(({ name }) => name === given);
  const [first, second] = named;
  if (second !== undefined) {
    const message = `Several organizations have the name "${given}". Use an id: ${named.map(({ id }) => id).join(", ")}`;
    throw new HoldfastError("organization", "ambiguous_name", message);
  }
  if (first !== undefined) return first.id;
  const message = `There is no organization "${given}". List them with: holdfast organizations list`;
  throw new HoldfastError("organization", "not_found", message);
}
