/**
 * Runs in a throwaway jail. Makes a commit of the host's clone the one that the workspace's own repository has checked out,
 * and leaves the files as they are: what differs is uncommitted then. The commit of before stays in ORIG_HEAD.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface MoveBaseConfig {
  readonly gitDir: string;
  readonly workspace: string;
  /** An empty, writable folder. */
  readonly out: string;
  readonly base: string;
}

const config = JSON.parse(process.argv[2] ?? "{}") as MoveBaseConfig;
const configFile = join(config.out, "gitconfig");
writeFileSync(configFile, "[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n");

for (const args of [
  ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow", config.gitDir, config.base],
  ["reset", "--quiet", "--mixed", config.base],
]) {
  const { status, stderr } = spawnSync("git", ["-c", "core.hooksPath=/dev/null", ...args], {
    cwd: config.workspace,
    env: {
      ...{ PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/nonexistent", LC_ALL: "C" },
      ...{ GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: configFile, GIT_TERMINAL_PROMPT: "0" },
      GIT_CEILING_DIRECTORIES: join(config.workspace, ".."),
    },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) continue;
  process.stderr.write(`git ${args[0]}: ${stderr.slice(0, 2_000)}`);
  process.exit(1);
}
