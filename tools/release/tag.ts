/** The tag of a release in git: the version at its commit, with the notes. */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { notesFile, type Release } from "./prepare.ts";

function tagName(version: string): string {
  return `v${version}`;
}

function commitOf(root: string, tag: string): string | undefined {
  const args = ["rev-parse", "--verify", "--quiet", `refs/tags/${tag}^{commit}`];
  const { status, stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** Why the version cannot be tagged, as sentences. */
export function tagProblems(root: string, version: string, commit: string): string[] {
  const tag = tagName(version);
  const tagged = commitOf(root, tag);
  if (tagged === undefined || tagged === commit) return [];
  return [`The tag ${tag} is at commit ${tagged}. Release that commit, or choose another version.`];
}

/** Tags the commit of a release, unless it is; returns the name of the tag. */
export function tagRelease(root: string, folder: string, { version, commit }: Release): string {
  const tag = tagName(version);
  if (commitOf(root, tag) === commit) return tag;
  // The headings of the notes begin as comments of git do.
  const message = ["--file", join(folder, notesFile), "--cleanup", "whitespace"];
  execFileSync("git", ["tag", "--annotate", ...message, tag, commit], { cwd: root, stdio: "pipe" });
  return tag;
}
