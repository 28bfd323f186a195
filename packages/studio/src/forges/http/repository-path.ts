import { HoldfastError } from "@holdfast/core";

/** Checks "owner/name" and encodes it for a path. */
export function repositoryPath(fullName: string): string {
  const parts = fullName.split("/");
  if (parts.length === 2 && parts.every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part)))
    return parts.map(encodeURIComponent).join("/");
  const message = `"${fullName}" is no name of a repository. Write owner/name.`;
  throw new HoldfastError("forge", "not_found", message, { statusCode: 404 });
}
