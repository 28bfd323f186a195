/** What is kept of each release, below `golden/VERSION`: data that it wrote, and what its client said to its server. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

const golden = new URL("../golden/", import.meta.url).pathname;

export const releases: readonly string[] = existsSync(golden) ? readdirSync(golden).sort() : [];

export function folderOf(version: string): string {
  return join(golden, version);
}

export const recordingFile = "client.json";

/** A data directory of each kind. */
export const kinds = ["actors", "studio"] as const;
export type Kind = (typeof kinds)[number];

/** In a Studio's data, what every start makes anew. */
const recreated = [
  ...["agents", "guest", "git", "run", "snapshots"],
  ...["dev", "etc", "jails", "skills", "agent-skills"].map((folder) => `gate/${folder}`),
];

const archiveOf = (folder: string, kind: Kind) => join(folder, `${kind}.tar.xz`);

/** Packs a data directory into `folder`. */
export function pack(folder: string, kind: Kind, directory: string): void {
  const left = [...recreated.map((path) => `./${path}`), "*.bpf", "*.sock", "store-lock.*"];
  const excluded = left.map((path) => `--exclude=${path}`);
  const owner = ["--owner=0", "--group=0", "--numeric-owner", "--sort=name"];
  execFileSync("tar", [...excluded, ...owner, "-C", directory, "-cJf", archiveOf(folder, kind), "."]);
}

/** Makes `directory` the data directory that the release has left. */
export function unpack(version: string, kind: Kind, directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  execFileSync("tar", ["-C", directory, "-xJpf", archiveOf(folderOf(version), kind), "--no-same-owner"]);
}
