/** Declarations that nobody can import, as no exported one leads to them, take a third of what a package takes on disk. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { importsOf } from "../workspace.ts";

interface Manifest {
  readonly exports?: Readonly<Record<string, string | { readonly types?: string }>>;
}

/** Removes them from a staged package. */
export function removeUnreachableDeclarations(staged: string): void {
  const { exports = {} } = JSON.parse(readFileSync(join(staged, "package.json"), "utf8")) as Manifest;
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path) || !existsSync(path)) return;
    reached.add(path);
    for (const specifier of importsOf(readFileSync(path, "utf8"))) {
      if (specifier.startsWith(".")) visit(join(dirname(path), specifier.replace(/\.(?:js|tsx?)$/, ".d.ts")));
    }
  };
  for (const target of Object.values(exports)) {
    if (typeof target === "object" && target.types !== undefined) visit(join(staged, target.types));
  }
  for (const entry of readdirSync(join(staged, "dist"), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && entry.name.endsWith(".d.ts") && !reached.has(path)) rmSync(path);
  }
}
