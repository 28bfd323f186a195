/**
 * Checks that the declarations of what is published stand alone: they are read by a compiler that skips
 * none of them, in a folder that holds what npm would install, and no more types than users of Node and
 * React have anyway.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root, type WorkspacePackage } from "../workspace.ts";

const installed = join(root, "node_modules");
const tsc = join(installed, "typescript", "bin", "tsc");

/** What users have of their own, beside what a package depends on. */
const ofTheUser = ["@types/node", "@types/react"];

function dependenciesOf(directory: string): string[] {
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
    peerDependencies?: Record<string, string>;
  };
  return Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
}

/** Links a package and all that it depends on, staged packages first; peers that are not installed are left out. */
function link(
  name: string,
  directory: string,
  modules: string,
  staged: ReadonlyMap<string, string> = new Map(),
): void {
  const to = join(modules, name);
  if (existsSync(to) || !existsSync(directory)) return;
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync(directory, to, "dir");
  for (const dependency of dependenciesOf(directory))
    link(dependency, staged.get(dependency) ?? join(installed, dependency), modules, staged);
}

/** `stagedAt` says where a package was built, `isDeclared` which of its exports have declarations. */
export function checkDeclarations(
  packages: readonly WorkspacePackage[],
  stagedAt: (item: WorkspacePackage) => string,
  isDeclared: (specifier: string, source: string) => boolean,
): void {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-declarations-"));
  try {
    const modules = join(folder, "node_modules");
    const staged = new Map(packages.map((item) => [item.name, stagedAt(item)]));
    for (const [name, directory] of staged) link(name, directory, modules, staged);
    for (const name of ofTheUser) link(name, join(installed, name), modules);
    const specifiers = packages.flatMap((item) =>
      Object.entries(item.exports)
        .map(([subpath, source]) => ({ specifier: `${item.name}${subpath.slice(1)}`, source }))
        .filter(({ specifier, source }) => isDeclared(specifier, source))
        .map(({ specifier }) => specifier),
    );
    const lines = specifiers.map(
      (specifier, at) => `export * as m${at} from ${JSON.stringify(specifier)};\n`,
    );
    writeFileSync(join(folder, "consumer.ts"), lines.join(""));
    const compilerOptions = {
      ...{ target: "es2024", lib: ["es2024", "esnext", "dom", "dom.iterable"], types: ["node"] },
      ...{ module: "nodenext", moduleResolution: "nodenext", preserveSymlinks: true },
      ...{ strict: true, noEmit: true, skipLibCheck: false },
    };
    const config = { compilerOptions, files: ["consumer.ts"] };
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    compile(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Throws what the compiler finds, but for faults that a dependency has in its own declarations. */
function compile(folder: string): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status === 0) return;
  const found = stdout.split(/\n(?! )/).filter((fault) => fault !== "");
  const own = found.filter((fault) => !/^node_modules\/(?!(?:@holdfast|holdfast)\/)/.test(fault));
  if (own.length > 0 || found.length === 0)
    throw new Error(`The declarations do not stand alone:\n${own.join("\n")}${stderr}`);
}
