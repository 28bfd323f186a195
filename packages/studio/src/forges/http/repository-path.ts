import { HoldfastError } from "@holdfast/core";

/** Checks "owner/name" and encodes it for a path. */
export function repositoryPath(fullName: string): string {
  return namesOf(fullName, 2).map(encodeURIComponent).join("/");
}

/** Checks "group/name", with more groups between, and encodes it as one part of a path. */
export function projectPath(fullName: string): string {
  return encodeURIComponent(namesOf(fullName, 20).join("/"));
}

function namesOf(fullName: string, maxParts: number): readonly string[] {
  const parts = fullName.split("/");
  const isName = (part: string) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part);
  if (parts.length >= 2 && parts.length <= maxParts && parts.every(isName)) return parts;
  const message = `"${fullName}" is no name of a repository. Write owner/name.`;
  throw new HoldfastError("forge", "not_found", message, { statusCode: 404 });
}
