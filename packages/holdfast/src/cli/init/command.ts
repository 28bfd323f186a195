/** `holdfast init`: adds actors to a project that there is. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { jsonLine, noArguments, parse } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { version } from "../studio-commands.ts";

export const initUsage = `holdfast init [options]

  Adds actors to the project in this folder: the first one in src/registry.ts, the dependency and the script "holdfast"
  in package.json, and the rules of the library for coding agents in AGENTS.md. Changes nothing that is there.

  --json          what was written, as one JSON value on standard output`;

/** The first actor is that of the template `empty`. A published package has a copy. */
const firstActorInCheckout = "../../../../create-holdfast/templates/empty/src/registry.ts";

/** The section that `init` adds to an AGENTS.md that there is. */
const heading = "## Holdfast";

export async function initCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  if (values.help === true) {
    console.log(initUsage);
    return 0;
  }
  noArguments(positionals);
  const changes = initProject(process.cwd());
  if (values.json === true) console.log(jsonLine(changes));
  else console.log(textOf(changes));
  return 0;
}

export interface InitChanges {
  /** Files that were written or extended, relative to the project. */
  readonly written: readonly string[];
  /** What was there already, and was left as it is. */
  readonly kept: readonly string[];
}

/** Throws `init.no_project` and `init.invalid_manifest`, and then has changed nothing. */
export function initProject(project: string): InitChanges {
  const manifest = readManifest(project);
  const written: string[] = [];
  const kept: string[] = [];
  const note = (name: string, isWritten: boolean) => void (isWritten ? written : kept).push(name);
  note("package.json", writeManifest(project, manifest));
  note("src/registry.ts", writeNew(project, "src/registry.ts", firstActor()));
  note("AGENTS.md", writeRules(project));
  note(".gitignore", ignoreData(project));
  return { written, kept };
}

type Manifest = Readonly<Record<string, unknown>>;

function readManifest(project: string): { readonly text: string; readonly manifest: Manifest } {
  const path = join(project, "package.json");
  if (!existsSync(path)) {
    const message =
      "There is no package.json here. Go to the folder of the project, or begin one: npm create holdfast@latest";
    throw new HoldfastError("init", "no_project", message);
  }
  const text = readFileSync(path, "utf8");
  try {
    const manifest: unknown = JSON.parse(text);
    if (typeof manifest === "object" && manifest !== null && !Array.isArray(manifest))
      return { text, manifest: manifest as Manifest };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("init", "invalid_manifest", `package.json is not JSON: ${reason}`, { cause });
  }
  throw new HoldfastError("init", "invalid_manifest", "package.json is not an object");
}

/** Returns false if nothing was missing. */
function writeManifest(
  project: string,
  { text, manifest }: { readonly text: string; readonly manifest: Manifest },
): boolean {
  const scripts = recordOf(manifest["scripts"]);
  const dependencies = recordOf(manifest["dependencies"]);
  const script = scripts["dev"] === undefined ? "dev" : "holdfast";
  const has = Object.values(scripts).some((line) => /\bholdfast dev\b/.test(line));
  const next = {
    ...manifest,
    type: manifest["type"] ?? "module",
    scripts: has ? scripts : { ...scripts, [script]: scripts[script] ?? "holdfast dev src/registry.ts" },
    dependencies: { ...dependencies, holdfast: dependencies["holdfast"] ?? `^${version()}` },
  };
  if (JSON.stringify(next) === JSON.stringify(manifest)) return false;
  const [, indent = "  "] = /\n([ \t]+)"/.exec(text) ?? [];
  writeFileSync(join(project, "package.json"), `${JSON.stringify(next, null, indent)}\n`);
  return true;
}

function recordOf(value: unknown): Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null ? (value as Record<string, string>) : {};
}

function writeNew(project: string, name: string, text: string): boolean {
  const path = join(project, name);
  if (existsSync(path)) return false;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return true;
}

function firstActor(): string {
  const copy = fileURLToPath(new URL("./first-actor.txt", import.meta.url));
  const source = fileURLToPath(new URL(firstActorInCheckout, import.meta.url));
  return readFileSync(existsSync(copy) ? copy : source, "utf8");
}

/** Rules of a project that there are stay in front; those of the library become a section behind them. */
function writeRules(project: string): boolean {
  const rules = readFileSync(fileURLToPath(new URL("./AGENTS.md", import.meta.url)), "utf8");
  if (writeNew(project, "AGENTS.md", rules)) return true;
  const path = join(project, "AGENTS.md");
  const before = readFileSync(path, "utf8");
  if (before.includes(heading) || before === rules) return false;
  const section = rules.replace(/^# .*\n/, `${heading}\n`).replace(/^## (?!Holdfast)/gm, "### ");
  writeFileSync(path, `${before.trimEnd()}\n\n${section}`);
  return true;
}

function ignoreData(project: string): boolean {
  const path = join(project, ".gitignore");
  const before = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (/^\/?\.holdfast\/?$/m.test(before)) return false;
  writeFileSync(path, `${before === "" || before.endsWith("\n") ? before : `${before}\n`}.holdfast\n`);
  return true;
}

function textOf({ written, kept }: InitChanges): string {
  if (written.length === 0) return "The project has everything already.";
  const lines = [`Written: ${written.join(", ")}.`];
  if (kept.length > 0) lines.push(`Left as they are: ${kept.join(", ")}.`);
  lines.push("", "Next:", "", "  npm install", "  npx holdfast dev src/registry.ts");
  return lines.join("\n");
}
