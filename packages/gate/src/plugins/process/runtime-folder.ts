import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { promisify } from "node:util";
import type { FoundPlugin } from "../manifest/plugin-folder.ts";

const sources = join(import.meta.dirname, "..", "runtime");
const isCheckout = import.meta.filename.endsWith(".ts");

const checkout = join(import.meta.dirname, "../../../../..");
const builds = join(checkout, ".cache", "plugin-runtime");

/** Strips the types of all modules in one folder into another. In a process of its own, as it needs a compiler. */
const strip = `
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname } from "node:path";
const [from, to] = process.argv.slice(1);
for (const name of readdirSync(from, { recursive: true }).filter((each) => !each.endsWith(".test.ts"))) {
  if (statSync(from + "/" + name).isDirectory()) continue;
  mkdirSync(dirname(to + "/" + name), { recursive: true });
  const text = readFileSync(from + "/" + name, "utf8");
  if (!name.endsWith(".ts")) { writeFileSync(to + "/" + name, text); continue; }
  const script = stripTypeScriptTypes(text).replace(/(\\bfrom ")(\\.\\/[^"]+)\\.ts"/g, '$1$2.js"');
  writeFileSync(to + "/" + name.replace(/\\.ts$/, ".js"), script);
}`;

/** Where the program of a plugin's process is, with the extension of its modules. */
export interface RuntimeFolder {
  readonly folder: string;
  readonly extension: ".js" | ".ts";
}

let found: Promise<RuntimeFolder> | undefined;

/**
 * The program as JavaScript. A checkout has it as TypeScript, of which a process takes five times as long to start: its
 * types are stripped once, and again when it has changed.
 */
export function runtimeFolder(): Promise<RuntimeFolder> {
  found ??= isCheckout
    ? stripped(sources)
        .then((folder) => ({ folder, extension: ".js" as const }))
        .catch(() => ({ folder: sources, extension: ".ts" as const }))
    : Promise.resolve({ folder: sources, extension: ".js" });
  return found;
}

/**
 * The folder that a plugin runs from: its own, or that of a built-in plugin of a checkout without the types, with which
 * it takes three times as long to start.
 */
export async function pluginFolder({ source, directory }: FoundPlugin): Promise<string> {
  const isTyped = isCheckout && source === "built-in" && directory.startsWith(`${checkout}${sep}`);
  return isTyped ? stripped(directory).catch(() => directory) : directory;
}

async function stripped(from: string): Promise<string> {
  const hash = createHash("sha256").update(strip).update(process.version);
  for (const name of readdirSync(from, { recursive: true, encoding: "utf8" }).sort()) {
    hash.update(name);
    if (statSync(join(from, name)).isFile()) hash.update(readFileSync(join(from, name)));
  }
  const folder = join(builds, hash.digest("hex").slice(0, 16));
  if (!existsSync(folder)) await build(from, folder);
  return folder;
}

/** Put into place whole: another process may build the same. */
async function build(from: string, folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const made = await mkdtemp(`${folder}-`);
  try {
    const options = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", strip];
    await promisify(execFile)(process.execPath, [...options, from, made]);
    // The user of a jail may be another one.
    await chmod(made, 0o755);
    await rename(made, folder);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
