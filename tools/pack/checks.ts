/**
 * What is held of the built packages under .cache/npm, which `node tools/pack/main.ts` makes: they are whole, they
 * import what they declare and nothing else, they load in plain Node, and the built command does a task.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { importsOf, root, type WorkspacePackage } from "../workspace.ts";

/** Where the packages are built, as npm would install them. */
export const staging = join(root, ".cache", "npm");

/** Exports that are programs to be started, not modules to be imported. */
export const programs: readonly string[] = ["@holdfast/sandbox/demo"];

interface BuiltManifest {
  readonly files: readonly string[];
  readonly engines: { readonly node: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function folderOf(item: WorkspacePackage): string {
  return join(staging, "packages", item.folder);
}

function manifestOf(item: WorkspacePackage): BuiltManifest {
  return JSON.parse(readFileSync(join(folderOf(item), "package.json"), "utf8")) as BuiltManifest;
}

/** Each has what its manifest names, a licence and a page for people. */
export function checkContents(packages: readonly WorkspacePackage[]): void {
  for (const item of packages) {
    for (const name of [...manifestOf(item).files, "LICENSE", "README.md"]) {
      if (!existsSync(join(folderOf(item), name))) throw new Error(`${item.name}: ${name} is missing`);
    }
  }
}

/**
 * Some installers refuse a package whose engines the user's Node is not among: a client, which runs on
 * an older Node than the runtime, must not bring one.
 */
export function checkEngines(packages: readonly WorkspacePackage[]): void {
  for (const item of packages) {
    const { engines, dependencies = {} } = manifestOf(item);
    for (const dependency of packages.filter(({ name }) => name in dependencies)) {
      const needed = manifestOf(dependency).engines.node;
      if (oldestNode(needed) > oldestNode(engines.node))
        throw new Error(
          `${item.name} is for Node ${engines.node}, but brings ${dependency.name} for ${needed}`,
        );
    }
  }
}

/** The first major version of a range as the manifests write it. */
function oldestNode(range: string): number {
  const major = /^>=(\d+)$/.exec(range)?.[1];
  if (major === undefined) throw new Error(`A range of engines is ">=" and a major version, not ${range}`);
  return Number(major);
}

/** Built for browsers or jails as a whole, with what they import inside. */
const bundles: readonly string[] = ["dist/web", "dist/guest", "dist/guest-bundle"];

/** Imports of code that only a checkout runs. */
const inCheckouts: readonly string[] = ["@holdfast/guest: rolldown"];

/**
 * Who installs one package gets what it imports, also where nothing is hoisted: modules are dependencies, and
 * so are the types of those that its declarations name. Types of a peer come with the peer.
 */
export function checkImports(packages: readonly WorkspacePackage[]): void {
  const problems = new Set<string>();
  for (const item of packages) {
    const manifest = manifestOf(item);
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
    for (const path of builtModules(folderOf(item))) {
      for (const specifier of importsOf(readFileSync(join(folderOf(item), path), "utf8"))) {
        const name = packageOf(specifier);
        if (name === undefined || name === item.name || inCheckouts.includes(`${item.name}: ${name}`))
          continue;
        if (!(name in declared)) problems.add(`${item.name}: ${path} imports ${name}`);
        const types = `@types/${name.replace(/^@(.*)\//, "$1__")}`;
        const needsTypes = path.endsWith(".d.ts") && !(name in (manifest.peerDependencies ?? {}));
        if (needsTypes && existsSync(join(root, "node_modules", types)) && !(types in declared))
          problems.add(`${item.name}: ${path} needs ${types}`);
      }
    }
  }
  if (problems.size > 0) throw new Error(`Not among the dependencies:\n${[...problems].join("\n")}`);
}

function builtModules(folder: string): string[] {
  return readdirSync(join(folder, "dist"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(js|d\.ts)$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !bundles.some((bundle) => path.startsWith(`${bundle}/`)));
}

/** Undefined for files of the package itself and for modules of Node. */
function packageOf(specifier: string): string | undefined {
  if (/^[./]|^node:/.test(specifier) || builtinModules.includes(specifier)) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Every export of every package, loaded by a Node that sees only what was built. */
export function checkExports(packages: readonly WorkspacePackage[]): void {
  const specifiers = packages.flatMap((item) =>
    Object.keys(item.exports).map((subpath) =>
      subpath === "." ? item.name : `${item.name}${subpath.slice(1)}`,
    ),
  );
  const script = `let loaded = 0;
  process.on("exit", (code) => {
    if (code === 0 && loaded !== ${specifiers.length}) {
      console.error("Only " + loaded + " of ${specifiers.length} exports were loaded: importing one ended the process");
      process.exitCode = 1;
    }
  });
  for (const name of ${JSON.stringify(specifiers)}) {
    const url = import.meta.resolve(name);
    if (url.endsWith(".ts")) throw new Error(name + " resolves to source");
    if (${JSON.stringify(programs)}.includes(name) || !url.endsWith(".js")) readFileSync(new URL(url));
    else console.log(name + ": " + Object.keys(await import(name)).length + " exports");
    loaded++;
  }`;
  const file = join(staging, "check.mjs");
  writeFileSync(file, `import { readFileSync } from "node:fs";\n${script}\n`);
  execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", file], { stdio: "inherit" });
}

/** The built command, from prompt to diff and backup: workers and bundled programs must be found too. */
export function checkCommand(): void {
  if (spawnSync("bwrap", ["--version"]).status !== 0) {
    console.log("exports: the built command was not run: bubblewrap is missing");
    return;
  }
  const data = mkdtempSync(join(tmpdir(), "holdfast-pack-"));
  const command = (...args: string[]) =>
    execFileSync(
      process.execPath,
      [join(staging, "packages", "holdfast", "bin", "holdfast.js"), ...args, "--data", join(data, "data")],
      { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
    );
  try {
    const output = command("run", "--repo", "sample", "--approve", "allow", "add a line to the README");
    if (!output.includes("README.md")) throw new Error(`The built command made no change:\n${output}`);
    command("backup", join(data, "backup"));
    const plugins = command("plugin", "list");
    if (!/^ok +memory /m.test(plugins) || /^(?!ok |\s)/m.test(plugins.trim()))
      throw new Error(`Not all built plugins load:\n${plugins}`);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}
