/**
 * Manifests of the packages of a release: one version for all of them, exact ranges between them, and the order in
 * which they can be published.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

/** What installs bring along or look for. */
const fields = ["dependencies", "optionalDependencies", "peerDependencies"] as const;

/** `npm:NAME@RANGE` installs a package below another name. */
const alias = /^npm:(.+)@[^@]+$/;

type Ranges = Readonly<Record<string, string>>;

function rangesOf(manifest: Manifest, field: (typeof fields)[number]): Ranges {
  return (manifest[field] ?? {}) as Ranges;
}

/** The package that an entry of the dependencies leads to. */
function targetOf(key: string, range: string): string {
  return alias.exec(range)?.[1] ?? key;
}

export interface ReleaseFields {
  readonly version: string;
  readonly commit: string;
  /** Address of the repository; npm refuses provenance of a package that does not name it. */
  readonly repository?: string;
}

/** The manifest as it is published in the release; `names` are all packages of the release. */
export function releasedManifest(
  manifest: Manifest,
  names: ReadonlySet<string>,
  { version, commit, repository }: ReleaseFields,
): Manifest {
  const released: Record<string, unknown> & Manifest = { ...manifest, version, gitHead: commit };
  delete released["private"];
  if (repository !== undefined) released["repository"] = { type: "git", url: repository };
  for (const field of fields) {
    if (manifest[field] === undefined) continue;
    released[field] = Object.fromEntries(
      Object.entries(rangesOf(manifest, field)).map(([key, range]) => {
        const target = targetOf(key, range);
        if (!names.has(target)) return [key, range];
        return [key, target === key ? version : `npm:${target}@${version}`];
      }),
    );
  }
  return released;
}

/** Rewrites the manifests of the packages that are staged in the folders of `staged`. */
export function releaseManifests(staged: string, values: ReleaseFields): void {
  const packages = readdirSync(staged)
    .map((folder) => join(staged, folder, "package.json"))
    .filter((file) => existsSync(file))
    .map((file) => ({ file, manifest: JSON.parse(readFileSync(file, "utf8")) as Manifest }));
  const names = new Set(packages.map(({ manifest }) => manifest.name));
  for (const { file, manifest } of packages)
    writeFileSync(file, `${JSON.stringify(releasedManifest(manifest, names, values), null, 2)}\n`);
}

/** Sorts packages so that each comes after those of them that it needs. Throws if they need each other. */
export function inPublishOrder<Item extends { readonly name: string; readonly manifest: Manifest }>(
  items: readonly Item[],
): Item[] {
  const ordered: Item[] = [];
  const visit = (item: Item, path: readonly string[]) => {
    if (ordered.includes(item)) return;
    if (path.includes(item.name))
      throw new Error(`Packages need each other: ${[...path, item.name].join(" > ")}`);
    for (const field of fields) {
      for (const [key, range] of Object.entries(rangesOf(item.manifest, field))) {
        const needed = items.find(({ name }) => name === targetOf(key, range));
        if (needed !== undefined) visit(needed, [...path, item.name]);
      }
    }
    ordered.push(item);
  };
  for (const item of items.toSorted((a, b) => (a.name < b.name ? -1 : 1))) visit(item, []);
  return ordered;
}
