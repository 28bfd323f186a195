/** Comments of modules are for readers of the sources; people and editors read those of the declarations, which stay. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { minifySync } from "rolldown/utils";

/** Names and lines stay, for stack traces, and so do notices of licences. */
const options = {
  ...{ module: true, compress: false, mangle: false },
  codegen: { removeWhitespace: false, legalComments: "inline" },
} as const;

/** Rewrites the modules that the compiler has made, which have declarations beside them. */
export function removeComments(staged: string): void {
  const dist = join(staged, "dist");
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !path.endsWith(".js") || !existsSync(path.replace(/js$/, "d.ts"))) continue;
    const { code, errors } = minifySync(path, readFileSync(path, "utf8"), options);
    if (errors.length > 0) throw new Error(`${path}: ${errors.map(({ message }) => message).join(", ")}`);
    writeFileSync(path, code);
  }
}
