/** The published client, pinned, from the npm registry, outside the workspace; kept between runs. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const directory = join(import.meta.dirname, "..", "..", "..", ".cache", "sandbox-sdk");

const manifest = {
  private: true,
  type: "module",
  // The compiler reads the declarations; the workspace's own has no library.
  dependencies: { "sandbox-agent": "0.4.2", typescript: "5.9.3" },
};

/** Where it is installed. Its optional binary and all install scripts stay out. */
export function installPublished(): string {
  const file = join(directory, "package.json");
  const wanted = JSON.stringify(manifest);
  const installed = existsSync(join(directory, "node_modules", "sandbox-agent", "dist", "index.js"));
  if (installed && readFileSync(file, "utf8") === wanted) return directory;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, wanted);
  const quiet = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--no-package-lock"];
  execFileSync("npm", ["install", ...quiet], { cwd: directory, stdio: "pipe" });
  return directory;
}

/** The module itself, as a program that imports it gets it. */
export async function loadPublished<Module>(): Promise<Module> {
  const entry = join(installPublished(), "node_modules", "sandbox-agent", "dist", "index.js");
  return (await import(pathToFileURL(entry).href)) as Module;
}

/** As much of the compiler's library as is used here. */
interface Compiler {
  createSourceFile(name: string, text: string, target: number): SyntaxNode;
  forEachChild(node: SyntaxNode, visit: (child: SyntaxNode) => void): void;
  isClassDeclaration(node: SyntaxNode): boolean;
  isMethodDeclaration(node: SyntaxNode): boolean;
  isGetAccessorDeclaration(node: SyntaxNode): boolean;
  getCombinedModifierFlags(node: SyntaxNode): number;
  readonly ModifierFlags: { readonly Private: number; readonly Static: number };
}

interface SyntaxNode {
  readonly name?: { readonly text: string };
}

/** Public methods and getters of the exported classes: `Class.member`, `Class.static member`. */
export function publishedSurface(): string[] {
  const installed = installPublished();
  const compiler = createRequire(join(installed, "package.json"))("typescript") as Compiler;
  const path = join(installed, "node_modules", "sandbox-agent", "dist", "index.d.ts");
  const found = new Set<string>();
  const source = compiler.createSourceFile(path, readFileSync(path, "utf8"), 99);
  compiler.forEachChild(source, (statement) => {
    if (!compiler.isClassDeclaration(statement)) return;
    compiler.forEachChild(statement, (member) => {
      const flags = compiler.getCombinedModifierFlags(member);
      const callable = compiler.isMethodDeclaration(member) || compiler.isGetAccessorDeclaration(member);
      if (!callable || (flags & compiler.ModifierFlags.Private) !== 0) return;
      const prefix = (flags & compiler.ModifierFlags.Static) === 0 ? "" : "static ";
      found.add(`${statement.name?.text}.${prefix}${member.name?.text}`);
    });
  });
  return [...found].sort();
}
