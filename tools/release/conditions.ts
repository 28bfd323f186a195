/** What a release needs: a version, a clean tree, notes. What is missing is said in words. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sectionOf } from "./changelog.ts";

/** What is known of the repository before a release. */
export interface Tree {
  readonly commit: string;
  /** Changed and new files, one a line, as `git status --porcelain` prints them. */
  readonly changes: string;
  /** Version in the manifests of the repository. */
  readonly version: string;
  readonly changelog: string;
  /** Address in the root's package.json, as a browser opens it. */
  readonly repository?: string;
}

export function readTree(root: string): Tree {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trimEnd();
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    version: string;
    repository?: string | { url: string };
  };
  const { version, repository } = manifest;
  const address = typeof repository === "object" ? repository.url : repository;
  return {
    commit: git("rev-parse", "HEAD"),
    changes: git("status", "--porcelain"),
    version,
    changelog: readFileSync(join(root, "CHANGELOG.md"), "utf8"),
    ...(address === undefined
      ? {}
      : { repository: address.replace(/^git\+/, "").replace(/(?:\.git)?\/?$/, "") }),
  };
}

const semver = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** Tag under which npm offers the version: what is tried out before a release is not installed by default. */
export function distTag(version: string): "latest" | "next" {
  return version.includes("-") ? "next" : "latest";
}

/** Files of `git status` that are shown in the message. */
const shownChanges = 10;

/** Why nothing can be prepared, as sentences. */
export function problemsOf(tree: Tree, version: string): string[] {
  if (!semver.test(version)) return [`"${version}" is no version. Write it as 1.2.3 or 1.2.3-rc.1.`];
  const problems: string[] = [];
  if (tree.changes !== "") {
    const lines = tree.changes.split("\n");
    const shown = lines.slice(0, shownChanges).join("\n");
    const more = lines.length > shownChanges ? `\nand ${lines.length - shownChanges} more` : "";
    problems.push(`The tree has changes that no commit holds. Commit or remove them:\n${shown}${more}`);
  }
  const section = sectionOf(tree.changelog, version);
  if (section === undefined)
    problems.push(
      `CHANGELOG.md has no section "## ${version}". Write it, or name what "## Unreleased" holds so.`,
    );
  else if (section === "") problems.push(`The section "## ${version}" of CHANGELOG.md is empty.`);
  return problems;
}

/** Why nothing can be published yet, as sentences. A dry run tells them and goes on. */
export function publishProblemsOf(tree: Tree, version: string): string[] {
  const problems: string[] = [];
  if (tree.version !== version)
    problems.push(`The manifests of this tree have version ${tree.version}. Set ${version} in all of them.`);
  if ((sectionOf(tree.changelog, "Unreleased") ?? "") !== "")
    problems.push(
      `"## Unreleased" of CHANGELOG.md holds changes that the notes lack. Move them to "## ${version}".`,
    );
  if (tree.repository === undefined)
    problems.push(
      'package.json names no "repository", without which npm refuses provenance. Add its address.',
    );
  return problems;
}

/** Name of the file that lists what a release publishes. */
export const releaseFile = "release.json";

/** Throws if preparing a release in `folder` would remove anything but an earlier release. */
export function checkFolder(folder: string): void {
  if (!existsSync(folder)) return;
  const names = readdirSync(folder);
  if (names.length > 0 && !names.includes(releaseFile))
    throw new Error(`${folder} holds something else than a release. Choose an empty folder with --out.`);
}
