/**
 * Rejects tracked files that look like keys, databases, logs, sockets or run-time data, which belong in a data
 * directory and never in the repository.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.ts";

const names: readonly RegExp[] = [
  /\.(pem|key|p12|pfx|crt|db|sqlite3?|log|sock|bpf|pid|checkpoints)$/,
  /-(journal|wal|shm)$/,
  /(^|\/)(\.holdfast|\.env|id_(rsa|ed25519))(\/|$)/,
];
const contents: readonly RegExp[] = [/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m, /^SQLite format 3\0/];

/** Golden files of published formats are databases on purpose: tests upgrade them. */
const exceptions: readonly RegExp[] = [/\/golden\//];

const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0");
const problems = tracked.filter((path) => {
  if (path === "" || exceptions.some((exception) => exception.test(path))) return false;
  if (names.some((name) => name.test(path))) return true;
  const beginning = readFileSync(join(root, path)).subarray(0, 4_096).toString("latin1");
  return contents.some((content) => content.test(beginning));
});
if (problems.length > 0) {
  console.error(`Tracked, but looks like a key, a database, a log or a socket:\n${problems.join("\n")}`);
  process.exit(1);
}
console.log(`tracked files: ${tracked.length - 1}, none of them the data of a run`);
