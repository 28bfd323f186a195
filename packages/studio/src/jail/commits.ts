/**
 * Runs in a throwaway jail. Writes a pack of the commits that the agent has made in the workspace's own repository, and
 * prints the id of the newest. Whatever that repository's configuration starts stays in this jail. Only the pack leaves it,
 * and the host verifies every object in it.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface CommitsConfig {
  readonly workspace: string;
  /** An empty, writable folder. */
  readonly out: string;
  readonly base: string;
}

const config = JSON.parse(process.argv[2] ?? "{}") as CommitsConfig;
const configFile = join(config.out, "gitconfig");
writeFileSync(configFile, "[safe]\n\tdirectory = *\n");

function git(args: readonly string[], input = ""): Buffer {
  const result = spawnSync("git", args, {
    cwd: config.workspace,
    env: {
      ...{ PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/nonexistent", LC_ALL: "C" },
      ...{ GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: configFile, GIT_OPTIONAL_LOCKS: "0" },
      ...{ GIT_TERMINAL_PROMPT: "0", GIT_CEILING_DIRECTORIES: join(config.workspace, "..") },
    },
    input,
    maxBuffer: 1024 * 1024 * 1024,
  });
  if (result.status === 0) return result.stdout;
  throw new Error(
    `git ${args[0]} failed (${result.status}): ${result.stderr?.toString("utf8").slice(0, 2_000)}`,
  );
}

const head = git(["rev-parse", "--verify", "HEAD^{commit}"]).toString("utf8").trim();
if (head !== config.base) {
  const pack = git(
    ["pack-objects", "--quiet", "--revs", "--thin", "--stdout", "--delta-base-offset"],
    `${head}\n^${config.base}\n`,
  );
  writeFileSync(join(config.out, "snapshot.pack"), pack);
}
process.stdout.write(`${head}\n`);
