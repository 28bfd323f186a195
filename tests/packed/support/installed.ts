/** Folders as users have them: outside of this repository, with the packages that `npm pack` makes. */
import { cpSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installPackages } from "../../../tools/pack/installs.ts";
import { startRegistry } from "../../../tools/pack/registry.ts";
import { packPackages } from "./packed-packages.ts";

const root = join(import.meta.dirname, "..", "..", "..");

const nextDependencies = { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" };
const nextDevDependencies = { "@types/react": "19.3.0", typescript: "7.0.2" };

export interface InstalledFolder {
  readonly folder: string;
  /** npm options to install more of the built packages; removed with `registry`. */
  readonly npmOptions: readonly string[];
  readonly registry: AsyncDisposable;
}

/** A fresh folder with `holdfast`, and the packages `beside` it, as `npm install holdfast` leaves it. */
export async function installHoldfast(
  manifest: Readonly<Record<string, unknown>> = {},
  beside: readonly string[] = [],
): Promise<InstalledFolder> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-installed-"));
  const packed = await packPackages();
  const registry = await startRegistry(packed);
  try {
    await installPackages(folder, ["holdfast", ...beside], packed, registry, manifest);
  } catch (error) {
    // A registry that is left open would keep the process of the test.
    await registry[Symbol.asyncDispose]();
    throw error;
  }
  return { folder, npmOptions: registry.npmOptions, registry };
}

/** An example in a fresh folder, with Next.js and the built packages installed, `beside` included. */
export async function installNextExample(name: string, beside: readonly string[] = []): Promise<string> {
  const manifest = { dependencies: nextDependencies, devDependencies: nextDevDependencies };
  const { folder, registry } = await installHoldfast(manifest, beside);
  await registry[Symbol.asyncDispose]();
  cpSync(join(root, "examples", name), folder, { recursive: true });
  return folder;
}

/** The program `next` of an application. */
export function nextProgram(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "node_modules", "next", "package.json"), "utf8")) as {
    bin: { next: string };
  };
  return join(folder, "node_modules", "next", manifest.bin.next);
}

/** Environment of the Next.js processes: no telemetry. */
export function nextEnvironment(data: string, port: number): NodeJS.ProcessEnv {
  return {
    ...process.env,
    NODE_ENV: "production",
    NEXT_TELEMETRY_DISABLED: "1",
    HOLDFAST_DATA: data,
    HOLDFAST_PORT: String(port),
  };
}
