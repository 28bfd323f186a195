/** The SDKs of vendors from the npm registry, pinned, kept between runs, outside the workspace. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The root of the repository. */
export const repository = join(import.meta.dirname, "..", "..", "..", "..");
const cache = join(repository, ".cache", "vendor-sdks");

/** A package of a vendor at the version that the provider is tried with. */
export interface VendorPackage {
  readonly name: string;
  readonly version: string;
}

/**
 * A folder in which the package is installed; done at the first use, without its install scripts. Each package
 * has a folder of its own, so that test files that run at once do not meet.
 */
export function installVendor({ name, version }: VendorPackage): string {
  const home = join(cache, name.replace("/", "__"));
  const wanted = JSON.stringify({ private: true, type: "module", dependencies: { [name]: version } });
  const done = join(home, "installed");
  if (existsSync(done) && readFileSync(done, "utf8") === wanted) return home;
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "package.json"), wanted);
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  execFileSync("npm", ["install", ...quiet], { cwd: home, stdio: "pipe", timeout: 180_000 });
  writeFileSync(done, wanted);
  return home;
}

/** The vendor's own module, as a program of a user has it. `Module` is what its provider takes. */
export async function vendorSdk<Module>(wanted: VendorPackage): Promise<Module> {
  const home = installVendor(wanted);
  const entry = join(home, "entry.mjs");
  writeFileSync(entry, `export * from ${JSON.stringify(wanted.name)};\n`);
  return (await import(pathToFileURL(entry).href)) as Module;
}

/**
 * Compiles a text that may import the vendor's package by its name, and files of the workspace by absolute paths.
 * Gives what the compiler has to say: nothing where the types agree.
 */
export function checkAgainstTypes(wanted: VendorPackage, text: string): string {
  const home = installVendor(wanted);
  writeFileSync(join(home, "types.ts"), text);
  const compilerOptions = {
    ...{ target: "es2023", module: "nodenext", moduleResolution: "nodenext", strict: true, noEmit: true },
    ...{ skipLibCheck: true, allowImportingTsExtensions: true, lib: ["es2024", "esnext", "dom"] },
    ...{ typeRoots: [join(repository, "node_modules", "@types")], types: ["node"] },
  };
  writeFileSync(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["types.ts"] }));
  const compiler = join(repository, "node_modules", ".bin", "tsc");
  const { stdout } = spawnSync(compiler, ["-p", home, "--pretty", "false"], { cwd: home, encoding: "utf8" });
  return stdout.trim();
}
