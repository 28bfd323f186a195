/**
 * Makes the declarations of a staged package compile in every project: also in one whose `types` leave Node's out,
 * and in one that has not installed an optional peer and checks its libraries (`skipLibCheck: false`).
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Manifest {
  dependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { readonly optional?: boolean }>;
}

const usesNode = /from "node:|import\("node:|\b(Buffer|NodeJS|BufferEncoding)\b/;

/** `typesOfNode`: the version of `@types/node` that packages with such declarations depend on. */
export function makePortable(staged: string, typesOfNode: string): void {
  const path = join(staged, "package.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
  const optional = Object.entries(manifest.peerDependenciesMeta ?? {}).flatMap(([name, meta]) =>
    meta.optional === true ? [name] : [],
  );
  let namesNode = false;
  for (const file of declarationsBelow(join(staged, "dist"))) {
    const text = readFileSync(file, "utf8");
    let portable = text;
    for (const name of optional) {
      const imports = new RegExp(`^(import .* from "${name}(?:/[^"]*)?";)$`, "gm");
      portable = portable.replace(imports, "// @ts-ignore: an optional peer, any where it is missing\n$1");
    }
    if (usesNode.test(text)) {
      namesNode = true;
      portable = `/// <reference types="node" />\n${portable}`;
    }
    if (portable !== text) writeFileSync(file, portable);
  }
  if (!namesNode) return;
  manifest.dependencies = { ...manifest.dependencies, "@types/node": typesOfNode };
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
}

function declarationsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".d.ts"))
    .map((entry) => join(entry.parentPath, entry.name));
}
