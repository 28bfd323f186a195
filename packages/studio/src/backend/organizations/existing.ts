import { HoldfastError, isErrorCode } from "@holdfast/core";
import { localOrganization } from "../../access/organization-ids.ts";

/** Key of the only actor with the list of all organizations. */
export const directoryKey: readonly string[] = ["all"];

/** The part of an actor's context that is used here. */
interface DirectoryContext {
  readonly key: readonly string[];
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/** Throws `organization.not_found` unless the key of the actor is that of an organization. */
export async function requireOrganization(c: DirectoryContext): Promise<void> {
  const [id = ""] = c.key;
  if (c.key.length !== 1) throw organizationNotFound();
  if (id === localOrganization) return;
  const directory = c.client().get("organizations", [...directoryKey]);
  try {
    await directory.action({ name: "internal.require", args: [id] });
  } catch (error) {
    throw isErrorCode(error, "actor", "not_found") ? organizationNotFound() : error;
  }
}

export function organizationNotFound(): HoldfastError {
  return new HoldfastError("organization", "not_found", "There is no such organization", { statusCode: 404 });
}
