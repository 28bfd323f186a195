/** Writes a project from a template. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { portsOf, type TemplateName } from "./templates.ts";

/** A folder or a choice that does not work, in words for people. */
export class CreateError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CreateError";
  }
}

const folder = fileURLToPath(new URL("../templates", import.meta.url));
/** The rules for coding agents, which `holdfast init` writes as well. A published package has a copy. */
const agentsInCheckout = fileURLToPath(new URL("../../holdfast/src/cli/init/AGENTS.md", import.meta.url));

/** Files that packing would leave out or obey, under the names that they have in the package. */
const renamed: Readonly<Record<string, string>> = { gitignore: ".gitignore", dockerignore: ".dockerignore" };
/** What a folder may have before: it is not a project yet. */
const harmlessEntries: ReadonlySet<string> = new Set([
  ".git",
  ".gitattributes",
  ".DS_Store",
  "LICENSE",
  ".idea",
]);

export interface NewProject {
  /** Absolute path. */
  readonly directory: string;
  readonly template: TemplateName;
  /** Of the packages of Holdfast. */
  readonly version: string;
}

/** Throws a {@link CreateError} for a folder that is not empty, or that is a file. */
export function checkDirectory(directory: string): void {
  if (!existsSync(directory)) return;
  if (!statSync(directory).isDirectory())
    throw new CreateError(`${directory} is a file. Choose another name for the folder.`);
  const found = readdirSync(directory).filter((name) => !harmlessEntries.has(name));
  if (found.length === 0) return;
  const some = found.slice(0, 3).join(", ") + (found.length > 3 ? " and more" : "");
  throw new CreateError(
    `${directory} is not empty: it has ${some}. Choose another folder, or add Holdfast to the project in it: npx holdfast init`,
  );
}

/**
 * Writes all files of the project, or none: they are made beside the folder, and moved there at the end. Throws a
 * {@link CreateError}.
 */
export function createProject({ directory, template, version }: NewProject): void {
  checkDirectory(directory);
  const parent = dirname(directory);
  try {
    mkdirSync(parent, { recursive: true });
    const made = mkdtempSync(join(parent, ".create-holdfast-"));
    try {
      writeTemplate(made, template, { name: packageName(directory), version });
      moveInto(directory, made);
    } finally {
      rmSync(made, { recursive: true, force: true });
    }
  } catch (cause) {
    if (cause instanceof CreateError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CreateError(`The project cannot be written to ${directory}: ${reason}`, { cause });
  }
}

/** In one step, so that nobody finds half a project; file by file only into a folder that there is. */
function moveInto(directory: string, made: string): void {
  if (existsSync(directory)) {
    for (const name of readdirSync(made)) renameSync(join(made, name), join(directory, name));
    return;
  }
  // Temporary folders are for their user alone.
  chmodSync(made, 0o777 & ~process.umask());
  renameSync(made, directory);
}

interface Words {
  readonly name: string;
  readonly version: string;
}

function writeTemplate(target: string, template: TemplateName, words: Words): void {
  for (const source of [join(folder, "shared"), join(folder, template)]) {
    // A checkout has what the tools of a template left behind.
    const filter = (path: string) => !["node_modules", ".next", "dist", ".holdfast"].includes(basename(path));
    cpSync(source, target, { recursive: true, filter });
  }
  const agents = join(folder, "shared", "AGENTS.md");
  cpSync(existsSync(agents) ? agents : agentsInCheckout, join(target, "AGENTS.md"));
  for (const [from, to] of Object.entries(renamed)) {
    if (existsSync(join(target, from))) renameSync(join(target, from), join(target, to));
  }
  writeManifest(target, words);
  rewriteDockerfile(target, /^EXPOSE .*$/m, `EXPOSE ${portsOf(template).join(" ")}`);
  const readme = join(target, "README.md");
  writeFileSync(readme, readFileSync(readme, "utf8").replace(/^# .*/, `# ${words.name}`));
}

/** The program itself gets the signals of its container: npm and a shell would keep them. */
function writeStartOfImage(target: string, start: string): void {
  const [program = "", ...args] = start.split(" ");
  const command = [program === "node" ? program : `node_modules/.bin/${program}`, ...args];
  const line = `CMD [${command.map((word) => JSON.stringify(word)).join(", ")}]`;
  rewriteDockerfile(target, /^CMD .*$/m, line);
}

function rewriteDockerfile(target: string, pattern: RegExp, line: string): void {
  const path = join(target, "Dockerfile");
  writeFileSync(path, readFileSync(path, "utf8").replace(pattern, line));
}

interface Manifest {
  readonly scripts: { readonly start?: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Names the project, and takes the packages of Holdfast in the version of this one. */
function writeManifest(target: string, { name, version }: Words): void {
  const path = join(target, "package.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
  const dependencies = Object.entries(manifest.dependencies).map(([dependency, range]) => [
    dependency,
    /^(?:holdfast$|@holdfast\/)/.test(dependency) ? `^${version}` : range,
  ]);
  const next = { ...manifest, name, dependencies: Object.fromEntries(dependencies) };
  writeFileSync(path, `${JSON.stringify(next, null, 2)}\n`);
  if (manifest.scripts.start !== undefined) writeStartOfImage(target, manifest.scripts.start);
}

/** The name of the folder as that of a package. */
export function packageName(directory: string): string {
  const name = basename(resolve(directory))
    .toLowerCase()
    .replace(/[^a-z0-9-._~]+/g, "-")
    .replace(/^[-._]+|-+$/g, "");
  return name === "" ? "holdfast-app" : name;
}
