/**
 * Runs in a throwaway jail. Changes the files of the workspace from one tree to another, as a checkout does: only what
 * differs is written. Exits with 3, and has written nothing, if a file that differs is not as in the first tree.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SwitchConfig {
  readonly gitDir: string;
  readonly workspace: string;
  /** An empty, writable folder. */
  readonly out: string;
  readonly from: string;
  readonly to: string;
}

const config = JSON.parse(process.argv[2] ?? "{}") as SwitchConfig;
const configFile = join(config.out, "gitconfig");
writeFileSync(configFile, "[safe]\n\tdirectory = *\n");

function git(...args: readonly string[]) {
  const fixed = ["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.attributesFile=/dev/null"];
  return spawnSync("git", [...fixed.flatMap((pair) => ["-c", pair]), ...args], {
    cwd: config.workspace,
    env: {
      ...{ PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/nonexistent", LC_ALL: "C" },
      ...{
        GIT_DIR: config.gitDir,
        GIT_WORK_TREE: config.workspace,
        GIT_INDEX_FILE: join(config.out, "index"),
      },
      ...{ GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: configFile, GIT_ATTR_NOSYSTEM: "1" },
      GIT_TERMINAL_PROMPT: "0",
    },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
}

const read = git("read-tree", config.from);
if (read.status !== 0) fail(read.stderr, 1);
// Its status says whether files differ, which the next step decides by the files that matter.
git("update-index", "-q", "--refresh");
const switched = git("read-tree", "-m", "-u", config.from, config.to);
if (switched.status !== 0)
  fail(switched.stderr, /not uptodate|would be (?:overwritten|removed)/.test(switched.stderr) ? 3 : 1);

function fail(text: string, code: number): never {
  process.stderr.write(text.slice(0, 2_000));
  process.exit(code);
}
