import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Imports a module of a package that is installed only on request. Undefined if it is installed neither beside the
 * module `from`, its `import.meta.url`, nor in the working directory.
 */
export async function importOptional(specifier: string, from: string): Promise<unknown> {
  for (const place of [from, pathToFileURL(join(process.cwd(), "package.json")).href]) {
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
