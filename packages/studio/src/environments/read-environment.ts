import { createHash } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { Git } from "../git/git.ts";
import { studioLimits } from "../limits.ts";
import type { FoundEnvironment } from "./environment.ts";
import type { ParsedEnvironment } from "./environment-file.ts";

/** The files that can describe an environment, in the order in which they are looked for. */
export const environmentFiles = [
  ".holdfast/environment.yaml",
  ".devcontainer/devcontainer.json",
  ".devcontainer.json",
] as const;

/** Files that are inputs if the environment names none: they say which packages an installation gets. */
const lockFiles = [
  ...["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"],
  ...["requirements.txt", "poetry.lock", "uv.lock", "Pipfile.lock", "Cargo.lock", "go.sum", "Gemfile.lock"],
  ...["composer.lock", "mix.lock"],
] as const;

/** Version of preparations: an increment makes each environment be prepared again. */
const preparationVersion = 1;

/**
 * Reads the environment of a commit from a repository, without its working tree; undefined if it has none. `repository`
 * are git's options that select it. Throws `environment.invalid_file`, `git.*`.
 */
export async function readEnvironment(
  git: Git,
  repository: readonly string[],
  commit: string,
): Promise<FoundEnvironment | undefined> {
  const objects = (paths: readonly string[]) => listObjects(git, repository, commit, paths);
  const files = await objects(environmentFiles);
  const source = environmentFiles.find((path) => files.get(path)?.type === "blob");
  if (source === undefined) return undefined;
  const text = await readText(git, repository, source, files.get(source)?.id ?? "");
  const parsed = await parse(text, source);
  const named = parsed.inputs;
  const found = await objects(named ?? lockFiles);
  const missing = named?.find((path) => !found.has(path));
  if (missing !== undefined) {
    const message = `${source} names the input ${missing}, which the commit ${commit.slice(0, 12)} does not have. Commit it, or remove it from “inputs”.`;
    throw new HoldfastError("environment", "invalid_file", message, {
      statusCode: 400,
      metadata: { file: source, key: "inputs" },
    });
  }
  const inputs = [...found]
    .map(([path, { id }]) => [path, id] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const identity = [preparationVersion, source, files.get(source)?.id, inputs];
  return {
    environment: { ...parsed, inputs: inputs.map(([path]) => path) },
    commit,
    inputsHash: createHash("sha256").update(JSON.stringify(identity)).digest("hex"),
  };
}

interface GitObject {
  readonly type: string;
  readonly id: string;
}

/** The parsers are loaded with the first environment: most servers start without one. */
async function parse(text: string, source: (typeof environmentFiles)[number]): Promise<ParsedEnvironment> {
  if (source === ".holdfast/environment.yaml") {
    const { parseEnvironmentFile } = await import("./environment-file.ts");
    return parseEnvironmentFile(text, source);
  }
  const { parseDevcontainer } = await import("./devcontainer.ts");
  return parseDevcontainer(text, source);
}

/** The files and folders at these paths. A folder's id covers everything below it. */
async function listObjects(
  git: Git,
  repository: readonly string[],
  commit: string,
  paths: readonly string[],
): Promise<Map<string, GitObject>> {
  const objects = new Map<string, GitObject>();
  if (paths.length === 0) return objects;
  const args = [...repository, "ls-tree", "-z", "--full-tree", commit, "--", ...paths];
  for (const row of (await git.run(args)).toString("utf8").split("\0")) {
    const [head = "", path] = row.split("\t", 2);
    const [, type, id] = head.split(" ");
    if (path !== undefined && type !== undefined && id !== undefined) objects.set(path, { type, id });
  }
  return objects;
}

async function readText(
  git: Git,
  repository: readonly string[],
  source: string,
  id: string,
): Promise<string> {
  const size = Number(await git.text([...repository, "cat-file", "-s", id]));
  const max = studioLimits.maxEnvironmentFileBytes;
  if (size > max) {
    const message = `${source} has ${size} bytes; at most ${max} are allowed. Put long commands into scripts of the repository.`;
    throw new HoldfastError("environment", "invalid_file", message, {
      statusCode: 400,
      metadata: { file: source },
    });
  }
  return (await git.run([...repository, "cat-file", "blob", id])).toString("utf8");
}

/** The id of an environment on one machine, for one repository and one state of its inputs. */
export function environmentIdOf(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
