/** The packages of others that this repository has installed, packed when an install without a network asks for them. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../workspace.ts";
import type { PackedPackage } from "./packed-package.ts";

export class InstalledPackages {
  /** Where tarballs are written. */
  readonly #folder: string;
  /** Folders of a package by its name, as the lockfile has them: the one that most others use is the first. */
  readonly #folders = new Map<string, string[]>();
  readonly #packed = new Map<string, readonly PackedPackage[]>();

  constructor(folder: string) {
    this.#folder = folder;
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      readonly packages: Readonly<Record<string, { readonly name?: string; readonly link?: boolean }>>;
    };
    const paths = Object.keys(lock.packages).toSorted((one, other) => one.length - other.length);
    for (const path of paths) {
      const [, place] = /^.*node_modules\/(.+)$/.exec(path) ?? [];
      const item = lock.packages[path];
      if (place === undefined || item?.link === true || !existsSync(join(root, path))) continue;
      const name = item?.name ?? place;
      this.#folders.set(name, [...(this.#folders.get(name) ?? []), join(root, path)]);
    }
  }

  /** All versions of the package with this name, or the one with this tarball. */
  named(path: string): readonly PackedPackage[] {
    const tarballs = [...this.#packed.values()].flat().filter(({ tarball }) => tarball.endsWith(`/${path}`));
    if (tarballs.length > 0) return tarballs;
    const packed =
      this.#packed.get(path) ?? (this.#folders.get(path) ?? []).map((folder) => this.#pack(folder));
    this.#packed.set(path, packed);
    return packed;
  }

  /** Not compressed: it is read once, on this machine. */
  #pack(folder: string): PackedPackage {
    const manifest = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    ) as PackedPackage["manifest"];
    const { name, version } = manifest as { readonly name: string; readonly version: string };
    const tarball = join(this.#folder, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`);
    const only = ["--exclude=./node_modules", "--transform=s,^\\.,package,"];
    execFileSync("tar", [...only, "-C", folder, "-cf", tarball, "."]);
    return { name, version, manifest, tarball };
  }
}
