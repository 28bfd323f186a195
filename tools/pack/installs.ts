/** Installs the built packages as users do, and holds what that costs them: megabytes, packages, types to load. */
import { execFile, spawnSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../workspace.ts";
import type { PackedPackage } from "./packed-package.ts";
import { type LocalRegistry, packTarballs, startRegistry } from "./registry.ts";

interface Install {
  readonly title: string;
  readonly packages: readonly string[];
  /** On disk, counted as `du` does. */
  readonly maxMegabytes: number;
  readonly maxPackages: number;
}

const installs: readonly Install[] = [
  { title: "actors", packages: ["holdfast"], maxMegabytes: 15, maxPackages: 40 },
  {
    title: "actors and the Studio",
    packages: ["holdfast", "@holdfast/studio"],
    maxMegabytes: 65,
    maxPackages: 150,
  },
];

/** A compiler's start, the types of Node and those of Holdfast: the best of three runs. */
const maxTypesSeconds = 1;

export async function checkInstalls(): Promise<void> {
  const packed = packTarballs();
  await using registry = await startRegistry(packed);
  for (const install of installs) await check(install, packed, registry);
}

async function check(install: Install, packed: readonly PackedPackage[], registry: LocalRegistry) {
  const { title, maxMegabytes, maxPackages } = install;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-install-"));
  try {
    const seconds = await installPackages(folder, install.packages, packed, registry);
    const megabytes = diskBytes(join(folder, "node_modules")) / 1_000_000;
    const packages = countPackages(folder);
    console.log(
      `install of ${title}: ${megabytes.toFixed(1)} MB (at most ${maxMegabytes}), ${packages} packages ` +
        `(at most ${maxPackages}), ${seconds.toFixed(1)} s`,
    );
    if (megabytes > maxMegabytes) throw new Error(`An install of ${title} takes ${megabytes.toFixed(1)} MB`);
    if (packages > maxPackages) throw new Error(`An install of ${title} brings ${packages} packages`);
    checkNoScripts(folder);
    if (title === "actors") checkTypes(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Installs packages of this repository by name into a fresh folder; returns how long npm took, in seconds. */
export async function installPackages(
  folder: string,
  names: readonly string[],
  packed: readonly PackedPackage[],
  registry: LocalRegistry,
  manifest: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module", ...manifest }),
  );
  // `holdfast` and `create-holdfast` have no scope that npm could look up elsewhere.
  const wanted = names.map(
    (name) => packed.find((item) => item.name === name && !name.startsWith("@"))?.tarball ?? name,
  );
  const started = performance.now();
  await promisify(execFile)(
    "npm",
    ["install", "--no-audit", "--no-fund", ...registry.npmOptions, ...wanted],
    {
      cwd: folder,
    },
  );
  return (performance.now() - started) / 1_000;
}

function diskBytes(path: string): number {
  const stat = lstatSync(path);
  const own = stat.blocks * 512;
  if (!stat.isDirectory()) return own;
  return readdirSync(path).reduce((sum, name) => sum + diskBytes(join(path, name)), own);
}

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly hasInstallScript?: boolean; readonly optional?: boolean }>
  >;
}

function lockOf(folder: string): Lock {
  return JSON.parse(readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8")) as Lock;
}

function countPackages(folder: string): number {
  return Object.keys(lockOf(folder).packages).length;
}

/** npm asks before it runs the scripts of a dependency: nobody is asked because of Holdfast. */
function checkNoScripts(folder: string): void {
  const scripted = Object.entries(lockOf(folder).packages).filter(
    ([, { hasInstallScript }]) => hasInstallScript,
  );
  if (scripted.length > 0)
    throw new Error(`These have install scripts: ${scripted.map(([path]) => path).join(", ")}`);
}

/** The README's first program, compiled against the installed declarations. */
function checkTypes(folder: string): void {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const program = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  if (program === undefined) throw new Error("README.md begins with no program");
  writeFileSync(join(folder, "program.ts"), program);
  checkBareTypes(folder);
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2024", "--module", "nodenext"];
  const types = ["--types", "node", "--typeRoots", join(root, "node_modules", "@types")];
  const seconds = Math.min(
    ...[1, 2, 3].map(() => compileSeconds(folder, [tsc, ...options, ...types, "program.ts"])),
  );
  console.log(`types of the README's program: ${seconds.toFixed(2)} s (at most ${maxTypesSeconds})`);
  if (seconds > maxTypesSeconds) throw new Error("The types of the README's program load slowly");
}

/** The same where a project leaves out Node's types and checks its libraries. */
function checkBareTypes(folder: string): void {
  const compilerOptions = {
    ...{ noEmit: true, strict: true, skipLibCheck: false, types: [], module: "nodenext" },
    ...{ target: "es2024", lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"] },
  };
  writeFileSync(join(folder, "bare.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", join(folder, "bare.json")], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`Without Node's types the README's program does not compile:\n${stdout}`);
}

function compileSeconds(folder: string, args: readonly string[]): number {
  const started = performance.now();
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`The README's program does not compile:\n${stdout}`);
  const wall = (performance.now() - started) / 1_000;
  return wall;
}
