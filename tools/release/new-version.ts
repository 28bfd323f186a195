/** Gives the whole repository another version: manifests, their lockfile, sources that name it, and the changelog. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sectionOf } from "./changelog.ts";

/** Files with a version that is another's, or of its own time. */
const foreign =
  /(^|\/)golden\/|^CHANGELOG\.md$|^tools\/release\/|^packages\/gate\/src\/plugins\/kit\/scaffold\.ts$|^packages\/sandbox-client\/tests\/vendors\/|^packages\/holdfast\/src\/cli\/dev\/installed-versions\.test\.ts$/;

const own = /^(?:holdfast|create-holdfast|@holdfast\/.+)$/;

/** What stands before the current version in a manifest, and in other files. */
const inManifest = /("(?:version|holdfast|create-holdfast|@holdfast\/[^"]+)": ")<current>(?=")/g;
const elsewhere =
  /(\b(?:version|VERSION)(?: =|:) "|"version":"|ARG VERSION=|\bholdfast(?:\/[a-z-]+)?@|holdfast-demo )<current>(?!\.?\d)/g;

/** The files that name the version, with their text for `next`. Changes nothing. */
export function withVersion(root: string, current: string, next: string): ReadonlyMap<string, string> {
  const listed = execFileSync("git", ["grep", "-lF", current], { cwd: root, encoding: "utf8" });
  const changed = new Map<string, string>();
  for (const path of listed.split("\n")) {
    if (path === "" || foreign.test(path)) continue;
    const text = readFileSync(join(root, path), "utf8");
    const replaced =
      path === "package-lock.json" ? lockWith(text, current, next) : textWith(path, text, current, next);
    if (replaced !== text) changed.set(path, replaced);
  }
  return changed;
}

function textWith(path: string, text: string, current: string, next: string): string {
  const { source, flags } = /(^|\/)package\.json$/.test(path) ? inManifest : elsewhere;
  const pattern = new RegExp(source.replace("<current>", current.replaceAll(".", "\\.")), flags);
  return text.replace(pattern, (_all, before: string) => before + next);
}

interface LockedPackage {
  version?: string;
  [field: string]: unknown;
}

/** Packages of others may have the same version: only those of the workspace get another one. */
function lockWith(text: string, current: string, next: string): string {
  const lock = JSON.parse(text) as { version: string; packages: Record<string, LockedPackage> };
  lock.version = next;
  for (const [path, item] of Object.entries(lock.packages)) {
    if (path.includes("node_modules/")) continue;
    if (item.version === current) item.version = next;
    for (const field of ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"]) {
      const ranges = item[field] as Record<string, string> | undefined;
      if (ranges === undefined) continue;
      for (const [name, range] of Object.entries(ranges))
        if (own.test(name) && range === current) ranges[name] = next;
    }
  }
  return `${JSON.stringify(lock, null, 2)}\n`;
}

/** What is below "Unreleased" becomes the section of the version, unless it has one. */
export function changelogWith(changelog: string, version: string, date: string): string {
  if (sectionOf(changelog, version) !== undefined) return changelog;
  return changelog.replace(/^## Unreleased$/m, `## Unreleased\n\n## ${version} (${date})`);
}

/** Writes the version into the repository; returns the files that were changed. */
export function setVersion(root: string, current: string, next: string, date: string): readonly string[] {
  const changed = new Map(current === next ? [] : withVersion(root, current, next));
  const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
  const dated = changelogWith(changelog, next, date);
  if (dated !== changelog) changed.set("CHANGELOG.md", dated);
  for (const [path, text] of changed) writeFileSync(join(root, path), text);
  return [...changed.keys()];
}
