/** Writes everything that a release publishes into a folder: tarballs, their list, notes, bill of materials, checksums. */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { PackedPackage } from "../pack/packed-package.ts";
import { releaseNotes, sectionOf } from "./changelog.ts";
import { checkFolder, distTag, releaseFile, type Tree } from "./conditions.ts";
import { imagesOf, type ReleasedImage } from "./images.ts";
import { inPublishOrder, type Manifest } from "./manifests.ts";
import { createBom } from "./sbom.ts";

export interface ReleasedPackage {
  readonly name: string;
  readonly version: string;
  /** Tarball, relative to the folder of the release. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Contents of `release.json`. */
export interface Release {
  readonly format: 1;
  readonly version: string;
  readonly commit: string;
  /** Address of the repository that the packages name, as a browser opens it. */
  readonly repository?: string;
  /** Tag under which npm offers the version. */
  readonly tag: "latest" | "next";
  /** In the order of publication: each after those that it needs. */
  readonly packages: readonly ReleasedPackage[];
  readonly images: readonly ReleasedImage[];
}

/** File with the SHA-256 of all others, which `sha256sum --check` reads. */
export const checksumsFile = "SHA256SUMS";
export const notesFile = "NOTES.md";
export const bomFile = "sbom.cdx.json";

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Replaces what `folder` holds of an earlier release, once the new one is whole. */
export function writeRelease(
  folder: string,
  version: string,
  tree: Tree,
  packed: readonly PackedPackage[],
): Release {
  checkFolder(folder);
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(join(partial, "packages"), { recursive: true });
  try {
    const release = writeFiles(partial, version, tree, packed);
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
    return release;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function writeFiles(folder: string, version: string, tree: Tree, packed: readonly PackedPackage[]): Release {
  const packages = inPublishOrder(
    packed.map((item) => ({ ...item, manifest: item.manifest as Manifest })),
  ).map(({ name, version: own, manifest, tarball }): ReleasedPackage => {
    if (manifest["private"] === true) throw new Error(`${name} is private: npm would not publish it.`);
    if (own !== version) throw new Error(`${name} is packed with version ${own}, not ${version}.`);
    const file = `packages/${basename(tarball)}`;
    const bytes = readFileSync(tarball);
    cpSync(tarball, join(folder, file));
    return { name, version: own, file, sizeBytes: bytes.length, sha256: sha256(bytes) };
  });
  const release: Release = {
    ...{ format: 1, version, commit: tree.commit, tag: distTag(version), packages },
    images: imagesOf(version),
    ...(tree.repository === undefined ? {} : { repository: tree.repository }),
  };
  const texts = {
    [notesFile]: releaseNotes(sectionOf(tree.changelog, version) ?? "", version, tree.repository),
    [bomFile]: jsonOf(createBom(new Set(packages.map(({ name }) => name)), version)),
    [releaseFile]: jsonOf(release),
  };
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  const sums = [
    ...packages.map((item) => `${item.sha256}  ${item.file}`),
    ...Object.entries(texts).map(([name, text]) => `${sha256(text)}  ${name}`),
  ];
  writeFileSync(join(folder, checksumsFile), `${sums.join("\n")}\n`);
  return release;
}

/** The release that `folder` holds, if it is whole and made of this commit; publishing goes on with it. */
export function preparedRelease(folder: string, version: string, tree: Tree): Release | undefined {
  const file = join(folder, releaseFile);
  if (!existsSync(file) || !existsSync(join(folder, checksumsFile))) return undefined;
  const release = JSON.parse(readFileSync(file, "utf8")) as Release;
  const isSame =
    release.version === version && release.commit === tree.commit && release.repository === tree.repository;
  return isSame && isWhole(folder) ? release : undefined;
}

function isWhole(folder: string): boolean {
  const lines = readFileSync(join(folder, checksumsFile), "utf8").trimEnd().split("\n");
  return lines.every((line) => {
    const [sum = "", path = ""] = line.split("  ");
    return existsSync(join(folder, path)) && sha256(readFileSync(join(folder, path))) === sum;
  });
}

function jsonOf(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
