/** The packages that are published, staged and packed once for all files of a run. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { staging } from "../../../tools/pack/checks.ts";
import type { PackedPackage } from "../../../tools/pack/packed-package.ts";
import { packedPackages, packTarballs } from "../../../tools/pack/registry.ts";
import { stagePackages } from "../../../tools/pack/stage.ts";
import { root } from "../../../tools/workspace.ts";

const stamp = join(staging, "packed.stamp");
/** Made of the sources while they are staged, or when a test first starts a jail. */
const madeLater = /\/dist\/guest(-bundle)?$/;

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return madeLater.test(path) ? [] : filesBelow(path);
      return entry.isFile() ? [path] : [];
    })
    .sort();
}

/** Everything that the packages are made of, and what makes them. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const files = ["packages", "tools/pack"].flatMap((folder) => filesBelow(join(root, folder)));
  for (const path of [...files, join(root, "package-lock.json"), join(root, "tsconfig.json")]) {
    hash.update(path).update("\0").update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}

/** Stages and packs what has changed since the last time. Not for two processes at a time. */
export async function packPackages(): Promise<PackedPackage[]> {
  const current = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === current) return packedPackages();
  // `npm run types` and `npm run exports` check them.
  await stagePackages({ noCheck: true });
  const packed = packTarballs();
  writeFileSync(stamp, current);
  return packed;
}
