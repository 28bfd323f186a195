import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Unique text, so that a test cannot pass because of an earlier run. */
export function randomText(label: string): string {
  return `${label} ${randomBytes(6).toString("hex")}`;
}

export async function git(path: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run("git", ["-C", path, ...args], {
    env: { PATH: process.env["PATH"], HOME: path, GIT_CONFIG_NOSYSTEM: "1" },
  });
  return stdout.trim();
}

/** A person's repository: one commit, one branch, one README. */
export async function createRepository(parent: string, name = "project"): Promise<string> {
  const path = join(parent, name);
  await mkdir(path, { recursive: true });
  await git(path, "init", "--quiet", "--initial-branch=main");
  await git(path, "config", "user.name", "Ada");
  await git(path, "config", "user.email", "ada@example.org");
  await writeFile(join(path, "README.md"), `# ${randomText("Project")}\n\nOne line.\n`);
  await writeFile(join(path, "Makefile"), "test:\n\ttrue\n");
  await git(path, "add", "--all");
  await git(path, "commit", "--quiet", "--message", "Begin");
  return path;
}
