/** What a release needs: a version, a clean tree, notes. What is missing is said in words. */
import { execFileSync, spawnSync } from "node:child_process";
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
  /** Versions of which data is kept for the upgrade test. */
  readonly kept: readonly string[];
  /** Address of the repository, as a browser opens it. */
  readonly repository?: string;
}

/** Reads the repository. `address` is that of an option: without it, git knows it as the remote "origin". */
export function readTree(root: string, address?: string): Tree {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trimEnd();
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const { status, stdout } = spawnSync("git", ["remote", "get-url", "origin"], {
    cwd: root,
    encoding: "utf8",
  });
  const repository = webAddress(address ?? (status === 0 ? stdout.trim() : ""));
  return {
    commit: git("rev-parse", "HEAD"),
    changes: git("status", "--porcelain"),
    version: manifest.version,
    changelog: readFileSync(join(root, "CHANGELOG.md"), "utf8"),
    kept: existsSync(join(root, keptFolder)) ? readdirSync(join(root, keptFolder)) : [],
    ...(repository === undefined ? {} : { repository }),
  };
}

/** What every release leaves for those after it. */
export const keptFolder = "tests/upgrade/golden";

/** Data of a version that is only tried out need not be opened by later ones. */
export function keepsData(version: string): boolean {
  return distTag(version) === "latest";
}

/**
 * The address of a repository as a browser opens it, of any form that git takes; without a name, a password or ".git".
 * Undefined for a folder and for what is no address.
 */
export function webAddress(remote: string): string | undefined {
  const scp = /^(?:[^@/\s]+@)?([\w.-]+\.[a-z]+):(?!\/\/)(\S+)$/i.exec(remote);
  const text = scp === null ? remote.replace(/^git\+/, "") : `https://${scp[1]}/${scp[2]}`;
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, host, pathname } = new URL(text);
  if (!["https:", "http:", "ssh:", "git:"].includes(protocol) || pathname.length < 2) return undefined;
  // A port of ssh is not that of the page.
  const place = protocol.startsWith("http") ? host : hostname;
  return `${protocol === "http:" ? "http" : "https"}://${place}${pathname.replace(/(?:\.git)?\/?$/, "")}`;
}

const semver = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

export function isVersion(version: string): boolean {
  return semver.test(version);
}

export function noVersion(version: string): string {
  return `"${version}" is no version. Write it as 1.2.3 or 1.2.3-rc.1.`;
}

/** Tag under which npm offers the version: what is tried out before a release is not installed by default. */
export function distTag(version: string): "latest" | "next" {
  return version.includes("-") ? "next" : "latest";
}

/** Files of `git status` that are shown in the message. */
const shownChanges = 10;

/** Why nothing can be prepared, as sentences. */
export function problemsOf(tree: Tree, version: string): string[] {
  if (!isVersion(version)) return [noVersion(version)];
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
    problems.push(
      `The manifests of this tree have version ${tree.version}. Run: npm run release -- --prepare --version ${version}`,
    );
  if ((sectionOf(tree.changelog, "Unreleased") ?? "") !== "")
    problems.push(
      `"## Unreleased" of CHANGELOG.md holds changes that the notes lack. Move them to "## ${version}".`,
    );
  if (keepsData(version) && !tree.kept.includes(version))
    problems.push(
      `${keptFolder} has no data of ${version}, which later releases have to open. Run: npm run release -- --prepare --version ${version}`,
    );
  if (tree.repository === undefined)
    problems.push(
      'The address of the repository is not known, without which npm refuses provenance. Name it: --repository https://HOST/OWNER/NAME, or add it to git as the remote "origin".',
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
