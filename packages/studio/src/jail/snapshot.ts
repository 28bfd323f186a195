/**
 * Runs in a throwaway jail. Writes a tree of the complete workspace and a pack of the objects that the host lacks, and
 * prints the tree's id. The workspace and the host's repository are read-only. Only the pack leaves the jail, and the
 * host verifies every object in it.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SnapshotConfig {
  readonly gitDir: string;
  readonly workspace: string;
  /** An empty, writable folder. */
  readonly out: string;
  /** A commit of the host's repository, or a reference to it. */
  readonly base: string;
}

const maxRepositories = 50;
/** Attempts to read files that the agent is changing, and the time after which none begins. */
const maxAttempts = 20;
const maxAttemptsMs = 10_000;
const maxDepth = 4;

const config = JSON.parse(process.argv[2] ?? "{}") as SnapshotConfig;
let indexCount = 0;

function git(args: readonly string[], env: Readonly<Record<string, string>>, input?: string): Buffer {
  const fixed = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.excludesFile=/dev/null",
    "gc.auto=0",
  ];
  const result = spawnSync("git", [...fixed.flatMap((pair) => ["-c", pair]), ...args], {
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/nonexistent", LC_ALL: "C", ...env },
    ...(input === undefined ? {} : { input }),
    maxBuffer: 1024 * 1024 * 1024,
  });
  if (result.status === 0) return result.stdout;
  throw new Error(
    `git ${args[0]} failed (${result.status}): ${result.stderr?.toString("utf8").slice(0, 2_000)}`,
  );
}

function environment(workTree: string): Record<string, string> {
  indexCount += 1;
  return {
    GIT_DIR: config.gitDir,
    GIT_WORK_TREE: workTree,
    GIT_INDEX_FILE: join(config.out, `index-${indexCount}`),
    GIT_OBJECT_DIRECTORY: join(config.out, "objects"),
    GIT_ALTERNATE_OBJECT_DIRECTORIES: join(config.gitDir, "objects"),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: join(config.out, "gitconfig"),
    GIT_ATTR_NOSYSTEM: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
  };
}

/**
 * Writes the tree of a folder. A nested repository would be recorded as a bare commit id, without its files, so it is
 * added as a normal folder. Files in `.gitignore` are excluded.
 */
function writeTree(workTree: string, base: string | undefined, depth: number): string {
  const env = environment(workTree);
  const run = (args: readonly string[], input?: string) => git(args, { ...env }, input);
  if (base !== undefined) run(["read-tree", base]);
  const listed = run(["-C", workTree, "ls-files", "-z", "--others", "--exclude-standard"]).toString("utf8");
  const nested = listed.split("\0").filter((path) => path.endsWith("/"));
  if (depth > maxDepth || indexCount + nested.length > maxRepositories)
    throw new Error("too many repositories in the workspace");
  const exclude = nested.map((path) => `:(exclude,literal,top)${path.slice(0, -1)}`);
  const pathspecs = [":(top)", ...exclude].join("\0");
  repeated(() =>
    run(["-C", workTree, "add", "-A", "--pathspec-from-file=-", "--pathspec-file-nul"], pathspecs),
  );
  for (const path of nested) {
    const tree = writeTree(join(workTree, path), undefined, depth + 1);
    if (tree !== emptyTree(run)) run(["read-tree", `--prefix=${path}`, tree]);
  }
  return run(["write-tree"]).toString("utf8").trim();
}

/** Its id depends on the repository's hash function. */
function emptyTree(run: (args: readonly string[], input: string) => Buffer): string {
  return run(["hash-object", "-t", "tree", "--stdin"], "").toString("utf8").trim();
}

/** Git gives up on a file that is renamed, removed or shortened while it is read. */
function repeated(work: () => void): void {
  const until = performance.now() + maxAttemptsMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return work();
    } catch (error) {
      if (attempt === maxAttempts || performance.now() > until) throw error;
    }
  }
}

mkdirSync(join(config.out, "objects"), { recursive: true });
writeFileSync(join(config.out, "gitconfig"), "[safe]\n\tdirectory = *\n");
const tree = writeTree(config.workspace, config.base, 0);
const pack = git(
  ["pack-objects", "--quiet", "--revs", "--thin", "--stdout", "--delta-base-offset"],
  environment(config.workspace),
  `${tree}\n^${config.base}\n`,
);
writeFileSync(join(config.out, "snapshot.pack"), pack);
process.stdout.write(`${tree}\n`);
