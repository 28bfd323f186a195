/**
 * Bundles a library into the modules that use it, where what is used of it is a fraction of what an install of it
 * brings. Its licence goes along. The manifest names it among the development dependencies.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { rolldown } from "rolldown";
import { importsOf, root, type WorkspacePackage } from "../workspace.ts";

/** Package to the libraries that are bundled into it. */
const inlined: Readonly<Record<string, readonly string[]>> = {
  // An MCP server over standard input and output needs 0.5 MB of it; an install brings 90 packages and 25 MB.
  holdfast: ["@modelcontextprotocol/sdk"],
  "@holdfast/agent": ["@modelcontextprotocol/sdk"],
  "@holdfast/guest": ["@modelcontextprotocol/sdk"],
  "@holdfast/mcp": ["@modelcontextprotocol/sdk"],
  // Of x11 0.7 MB, where an install brings its tests and its manual with 5 MB.
  // Of dbus-native, what sends and reads messages: 18 packages less.
  "@holdfast/sandbox": ["@httptoolkit/dbus-native", "@modelcontextprotocol/sdk", "x11"],
  "@holdfast/studio": ["@modelcontextprotocol/sdk"],
};

export async function inlineLibraries(item: WorkspacePackage, staged: string): Promise<void> {
  const libraries = inlined[item.name] ?? [];
  if (libraries.length === 0) return;
  const isInlined = (specifier: string) =>
    libraries.some((library) => specifier === library || specifier.startsWith(`${library}/`));
  const bundled = new Set<string>();
  for (const path of builtModules(join(staged, "dist"))) {
    const text = readFileSync(path, "utf8");
    if (!importsOf(text).some(isInlined)) continue;
    if (path.endsWith(".d.ts")) throw new Error(`${path}: a published declaration names a bundled library`);
    for (const module of await bundle(path, isInlined)) bundled.add(module);
  }
  keepLicences(bundled, join(staged, "dist"));
}

function builtModules(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(js|d\.ts)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Writes the module anew with the libraries inside; returns the files that went into it. */
async function bundle(path: string, isInlined: (specifier: string) => boolean): Promise<string[]> {
  const build = await rolldown({
    input: path,
    cwd: root,
    platform: "node",
    resolve: { modules: [join(root, "node_modules")] },
    treeshake: true,
    // What the module itself imports stays as it is; what a library imports is a part of the library. The
    // bundler asks again with the path that it has found for a specifier.
    external: (specifier, importer) => importer === path && !isInlined(specifier) && !isAbsolute(specifier),
  });
  const { output } = await build.write({
    ...{ file: path, format: "esm", codeSplitting: false },
    // Names of functions and classes stay, for stack traces.
    minify: {
      compress: true,
      mangle: { toplevel: true, keepNames: true },
      codegen: { removeWhitespace: true },
    },
  });
  await build.close();
  return output.flatMap((chunk) => (chunk.type === "chunk" ? Object.keys(chunk.modules) : []));
}

function keepLicences(modules: ReadonlySet<string>, dist: string): void {
  const packages = new Set<string>();
  for (const module of modules) {
    const [, folder] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module) ?? [];
    if (folder !== undefined) packages.add(folder);
  }
  for (const folder of packages) {
    const licence = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
    if (licence === undefined) continue;
    const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
    const to = join(dist, "licences", `${name.replace("/", "-")}.txt`);
    mkdirSync(dirname(to), { recursive: true });
    if (!existsSync(to)) cpSync(join(folder, licence), to);
  }
  if (packages.size === 0)
    throw new Error("No bundled library was found: drop the package from tools/pack/inline.ts");
  writeFileSync(
    join(dist, "licences", "README.md"),
    `Bundled into this package: ${[...packages]
      .map((folder) => folder.slice(folder.lastIndexOf("node_modules/") + 13))
      .sort()
      .join(", ")}.\n`,
  );
}
