/**
 * Git on the host. It reads nothing that an agent has written but a patch, which it applies to an index without files:
 * no hook, filter or configuration of an agent's repository runs here.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { CriticalError } from "holdfast/workflow";
import { dataDirectory, forge, limits, protectedPaths } from "./settings.ts";

const timeoutMs = 5 * 60_000;
const author = { name: "pull-request-bot", email: "pull-request-bot@users.noreply.example" };

/** A commit of the forge, and a bundle with its files as one commit without history. */
export interface Base {
  readonly commit: string;
  readonly bundle: string;
  /** The one commit in the bundle. */
  readonly root: string;
}

/** Fetches the newest commit of a branch, and writes a bundle for an agent. The caller deletes it. */
export async function fetchBase(repository: string, branch: string): Promise<Base> {
  const directory = directoryOf(repository);
  mkdirSync(directory, { recursive: true });
  await git(directory, ["init", "--quiet", "--bare"]);
  const refs = `+refs/heads/${branch}:refs/heads/${branch}`;
  await git(
    directory,
    ["fetch", "--quiet", "--no-tags", "--depth=1", addressOf(repository), refs],
    withToken(),
  );
  const commit = await git(directory, ["rev-parse", `refs/heads/${branch}`]);
  const root = await git(directory, ["commit-tree", `${commit}^{tree}`, "-m", "Base"], dated(0));
  const id = randomUUID();
  const bundle = resolve(dataDirectory, `${id}.bundle`);
  await git(directory, ["update-ref", `refs/bot/${id}`, root]);
  await git(directory, ["bundle", "create", "--quiet", bundle, `refs/bot/${id}`]);
  await git(directory, ["update-ref", "-d", `refs/bot/${id}`]);
  if (statSync(bundle).size > limits.maxRepositoryBytes) {
    rmSync(bundle);
    throw new CriticalError("The repository is too large for the bot");
  }
  return { commit, bundle, root };
}

/** A change as one commit. */
export interface Change {
  readonly base: string;
  readonly patch: string;
  readonly message: string;
  readonly createdAt: number;
}

/** Pushes a change to a branch. The same change is the same commit, so that a repetition changes nothing. */
export async function pushChange(repository: string, branch: string, change: Change): Promise<string> {
  const directory = directoryOf(repository);
  const index = resolve(dataDirectory, `${randomUUID()}.index`);
  const env = { GIT_INDEX_FILE: index };
  try {
    await git(directory, ["read-tree", change.base], env);
    await git(directory, ["apply", "--cached", "--binary", "--whitespace=nowarn"], env, change.patch);
    const tree = await git(directory, ["write-tree"], env);
    const names = await git(directory, ["diff-tree", "-r", "-z", "--name-only", change.base, tree]);
    const refused = names.split("\0").find((name) => protectedPaths.test(name));
    if (refused !== undefined)
      throw new CriticalError(`The agent changed ${refused}, which only people may change`);
    const args = ["commit-tree", tree, "-p", change.base, "-m", change.message];
    const commit = await git(directory, args, dated(change.createdAt));
    await git(
      directory,
      ["push", "--quiet", addressOf(repository), `${commit}:refs/heads/${branch}`],
      withToken(),
    );
    return commit;
  } finally {
    rmSync(index, { force: true });
  }
}

function directoryOf(repository: string): string {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || repository.includes(".."))
    throw new CriticalError(`"${repository}" is no name of a repository`);
  return resolve(dataDirectory, "repositories", `${repository.toLowerCase()}.git`);
}

const addressOf = (repository: string) => `${forge.url}/${repository}.git`;

/** In variables, since arguments are shown to every user of the machine. */
function withToken(): Record<string, string> {
  const credentials = Buffer.from(`x-access-token:${forge.token}`).toString("base64");
  return {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "http.extraHeader",
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${credentials}`,
  };
}

function dated(at: number): Record<string, string> {
  const date = `@${Math.floor(at / 1000)} +0000`;
  return {
    ...{ GIT_AUTHOR_NAME: author.name, GIT_AUTHOR_EMAIL: author.email, GIT_AUTHOR_DATE: date },
    ...{ GIT_COMMITTER_NAME: author.name, GIT_COMMITTER_EMAIL: author.email, GIT_COMMITTER_DATE: date },
  };
}

async function git(
  directory: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = "",
): Promise<string> {
  const child = spawn("git", args, {
    cwd: directory,
    env: {
      ...{ PATH: process.env["PATH"], HOME: directory, LANG: "C.UTF-8" },
      ...{ GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_TERMINAL_PROMPT: "0" },
      ...env,
    },
    signal: AbortSignal.timeout(timeoutMs),
    stdio: "pipe",
  });
  // Git may end before it has read its input; its exit code says why.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = once(child, "close");
  const [stdout, stderr, [code]] = await Promise.all([buffer(child.stdout), text(child.stderr), ended]);
  if (code === 0) return stdout.toString("utf8").trim();
  throw new Error(`git ${args[0]} failed: ${stderr.trim().slice(-500)}`);
}
