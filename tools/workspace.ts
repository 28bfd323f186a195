/** What the tools know of the workspace: its packages and its source files. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "..");

export interface WorkspacePackage {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** Subpath to source file, as in package.json. */
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  /** What only its tests and its build need. */
  readonly devDependencies: Readonly<Record<string, string>>;
  /** What its users install beside it, for some of its exports. */
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const cache = new Map<string, WorkspacePackage>();

export function readPackage(folder: string): WorkspacePackage {
  const known = cache.get(folder);
  if (known !== undefined) return known;
  const manifest = JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    exports?: Record<string, string>;
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
    optionalDependencies?: Record<string, string>;
    peerDependencies?: Record<string, string>;
  };
  const item: WorkspacePackage = {
    folder,
    name: manifest.name,
    version: manifest.version,
    exports: manifest.exports ?? {},
    dependencies: { ...manifest.dependencies, ...manifest.optionalDependencies },
    devDependencies: manifest.devDependencies ?? {},
    peerDependencies: manifest.peerDependencies ?? {},
  };
  cache.set(folder, item);
  return item;
}

export function workspacePackages(): WorkspacePackage[] {
  return readdirSync(join(root, "packages"))
    .filter((folder) => existsSync(join(root, "packages", folder, "package.json")))
    .sort()
    .map(readPackage);
}

/** Tracked and new TypeScript files, relative to the root. */
export function sourceFiles(): string[] {
  const output = execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.ts", "*.tsx"],
    {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return output
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .sort();
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s(?:[^"'`;]*?\sfrom\s)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** Module specifiers of static imports, re-exports and literal dynamic imports, types included. */
export function importsOf(text: string): string[] {
  return Array.from(text.matchAll(importPattern), (match) => match[1] ?? match[2] ?? "");
}

/** True for a file that keeps the compiler from checking its types. */
export function skipsTypeCheck(text: string): boolean {
  return /@ts-(?:nocheck|ignore)/.test(text);
}
