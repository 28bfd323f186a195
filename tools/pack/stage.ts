/**
 * Stages what is published: `dist` with declarations for every package, under .cache/npm as npm would install
 * it. The manifests of the workspace export TypeScript source, so that nothing has to be built to work on it;
 * here each `./src/x.ts` becomes `{ types, default }` under `dist`.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { root, type WorkspacePackage, workspacePackages } from "../workspace.ts";
import { staging } from "./checks.ts";
import { inlineLibraries } from "./inline.ts";
import { makePortable } from "./portable-declarations.ts";
import { removeUnreachableDeclarations } from "./reachable-declarations.ts";
import { removeComments } from "./remove-comments.ts";
import { stageZeromq } from "./zeromq.ts";

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

interface Manifest {
  private?: boolean;
  exports?: Record<string, string>;
  /** What is published beside package.json, README.md and LICENSE: `dist` where nothing else is named. */
  files?: string[];
  dependencies?: Record<string, string>;
  [field: string]: unknown;
}

function inOrderOfDependency(packages: readonly WorkspacePackage[]): WorkspacePackage[] {
  const ordered: WorkspacePackage[] = [];
  const visit = (item: WorkspacePackage) => {
    if (ordered.includes(item)) return;
    for (const name of Object.keys({ ...item.dependencies, ...item.peerDependencies })) {
      const dependency = packages.find((candidate) => candidate.name === name);
      if (dependency !== undefined) visit(dependency);
    }
    ordered.push(item);
  };
  for (const item of packages) visit(item);
  return ordered;
}

/** False for stylesheets and other files that are exported as they are. */
export function isModule(source: string): boolean {
  return /\.tsx?$/.test(source);
}

function builtExport(source: string): string | { types: string; default: string } {
  if (!isModule(source)) return source.replace(/^\.\/src\//, "./dist/");
  const base = source.replace(/^\.\/src\//, "./dist/").replace(/\.tsx?$/, "");
  return { types: `${base}.d.ts`, default: `${base}.js` };
}

/** Links into the repository lead nowhere from an installed package: their words stay. */
function withoutOutsideLinks(text: string): string {
  return text.replace(/\[([^\]]+)\]\(\.\.\/[^)]*\)/g, "$1");
}

function stage(item: WorkspacePackage, zeromq: Readonly<Record<string, string>>): string {
  const from = join(root, "packages", item.folder);
  const to = join(staging, "packages", item.folder);
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  cpSync(join(from, "src"), join(to, "src"), {
    recursive: true,
    // The web apps go along as they were built.
    filter: (path) => !path.endsWith(".test.ts") && path !== join(from, "src", "web"),
  });
  const manifest = JSON.parse(readFileSync(join(from, "package.json"), "utf8")) as Manifest;
  manifest.files ??= ["dist"];
  // The web apps and the programs of jails lie in `dist` already.
  for (const folder of manifest.files) {
    if (existsSync(join(from, folder))) cpSync(join(from, folder), join(to, folder), { recursive: true });
  }
  for (const { to: target, path, source } of sharedFiles)
    if (target === item.folder) cpSync(join(root, source), join(to, path));
  // The licence asks that whoever gets a copy gets its text, and npm takes that of the package alone.
  cpSync(join(root, "LICENSE"), join(to, "LICENSE"));
  writeFileSync(join(to, "README.md"), withoutOutsideLinks(readFileSync(join(from, "README.md"), "utf8")));
  if (manifest.dependencies !== undefined && "zeromq" in manifest.dependencies)
    Object.assign(manifest.dependencies, zeromq);
  delete manifest.private;
  delete manifest["devDependencies"];
  delete manifest["scripts"];
  // The runtime needs Node 24; what says otherwise of itself also serves programs and builds on an older one.
  manifest["engines"] ??= { node: ">=24" };
  const built = {
    ...Object.fromEntries(
      Object.entries(manifest.exports ?? {}).map(([subpath, source]) => [subpath, builtExport(source)]),
    ),
    // Bundlers and frameworks look versions and peers up there.
    "./package.json": "./package.json",
  };
  writeFileSync(join(to, "package.json"), `${JSON.stringify({ ...manifest, exports: built }, null, 2)}\n`);
  const link = join(staging, "node_modules", item.name);
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { recursive: true, force: true });
  symlinkSync(to, link, "dir");
  return to;
}

function compile(item: WorkspacePackage, to: string, noCheck: boolean): void {
  // A package for browsers has its own, with their library.
  const own = join(root, "packages", item.folder, "tsconfig.json");
  const config = {
    extends: existsSync(own) ? own : join(root, "tsconfig.json"),
    compilerOptions: {
      ...{ noEmit: false, noCheck },
      rootDir: "src",
      outDir: "dist",
      declaration: true,
      typeRoots: [join(root, "node_modules", "@types")],
    },
    include: ["src/**/*.ts", "src/**/*.tsx"],
    exclude: [],
  };
  writeFileSync(join(to, "tsconfig.json"), JSON.stringify(config));
  execFileSync(process.execPath, [tsc, "-p", to], { stdio: "inherit" });
  // What is no TypeScript (samples, schemas) goes along as it is.
  cpSync(join(to, "src"), join(to, "dist"), { recursive: true, filter: (path) => !/\.tsx?$/.test(path) });
  rmSync(join(to, "src"), { recursive: true });
  rmSync(join(to, "tsconfig.json"));
}

/** Files of one package that another one carries a copy of. */
const sharedFiles = [
  {
    to: "create-holdfast",
    path: "templates/shared/AGENTS.md",
    source: "packages/holdfast/src/cli/init/AGENTS.md",
  },
  {
    to: "holdfast",
    // No TypeScript of the package: `init` writes it as it is.
    path: "src/cli/init/first-actor.txt",
    source: "packages/create-holdfast/templates/empty/src/registry.ts",
  },
] as const;

/** Packages that are not published: one is bundled into the web apps, the other is for tests of this repository. */
export const unpublished: readonly string[] = ["@holdfast/web-parts", "@holdfast/testing"];

function checkSources(packages: readonly WorkspacePackage[]): void {
  for (const item of packages) {
    for (const [subpath, source] of Object.entries(item.exports)) {
      if (!existsSync(join(root, "packages", item.folder, source))) {
        throw new Error(`${item.name}: "${subpath}" names ${source}, which does not exist`);
      }
    }
    if (readdirSync(join(root, "packages", item.folder, "src")).length === 0)
      throw new Error(`${item.name} is empty`);
  }
}

/** The version of Node's types that this repository compiles with. */
function typesOfNode(): string {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  return manifest.devDependencies["@types/node"] ?? "*";
}

/**
 * Builds every published package, dependencies first, and returns them in that order. With `noCheck`, types are
 * not checked against each other once more, which is most of the work.
 */
export async function stagePackages({ noCheck = false } = {}): Promise<readonly WorkspacePackage[]> {
  const packages = inOrderOfDependency(workspacePackages().filter(({ name }) => !unpublished.includes(name)));
  checkSources(packages);
  rmSync(staging, { recursive: true, force: true });
  const zeromq = stageZeromq(join(staging, "packages"));
  // Jails run bundles; the published package carries them.
  for (const path of ["studio/src/jail/build-guest.ts", "agent-os/src/guest/build-guest.ts"])
    execFileSync(process.execPath, [join(root, "packages", path)], { stdio: "inherit" });
  for (const item of packages) {
    const staged = stage(item, zeromq);
    compile(item, staged, noCheck);
    await inlineLibraries(item, staged);
    removeComments(staged);
    removeUnreachableDeclarations(staged);
    makePortable(staged, typesOfNode());
  }
  return packages;
}
