import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Imports a module of a package that is installed only on request. Undefined if it is installed neither beside this
 * package nor in the working directory.
 */
export async function importOptional(specifier: string): Promise<unknown> {
  for (const place of [import.meta.url, pathToFileURL(join(process.cwd(), "package.json")).href]) {
    const path = resolveFrom(specifier, place);
    if (path !== undefined) return import(pathToFileURL(path).href);
  }
  return undefined;
}

function resolveFrom(specifier: string, place: string): string | undefined {
  try {
    return createRequire(place).resolve(specifier);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
