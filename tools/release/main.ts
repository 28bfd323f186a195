/**
 * `npm run release`: builds, packs and publishes all packages in one version. With `--dry-run` it stops before it
 * publishes, and asks no registry.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkContents, checkEngines, checkImports, staging } from "../pack/checks.ts";
import { packTarballs } from "../pack/registry.ts";
import { stagePackages } from "../pack/stage.ts";
import { root } from "../workspace.ts";
import { checkFolder, problemsOf, publishProblemsOf, readTree } from "./conditions.ts";
import { releaseManifests } from "./manifests.ts";
import { type Release, writeRelease } from "./prepare.ts";
import { publishRelease } from "./publish.ts";

const usage = `npm run release -- [--dry-run] [--version X.Y.Z] [--out DIR]

  --dry-run  prepare everything and publish nothing
  --version  version of all packages; by default that of package.json
  --out      folder of the release; by default .cache/release`;

function list(problems: readonly string[]): string {
  return problems.map((problem) => `- ${problem}`).join("\n");
}

function show(folder: string, release: Release): void {
  console.log(
    `release ${release.version} of commit ${release.commit} in ${folder}, to be tagged "${release.tag}":`,
  );
  for (const [index, item] of release.packages.entries())
    console.log(`${String(index + 1).padStart(3)}. ${item.name}: ${Math.ceil(item.sizeBytes / 1_000)} kB`);
}

async function prepare(folder: string, version: string): Promise<Release> {
  const tree = readTree(root);
  const packages = await stagePackages();
  checkContents(packages);
  checkEngines(packages);
  checkImports(packages);
  const { commit, repository } = tree;
  releaseManifests(join(staging, "packages"), {
    ...{ version, commit },
    ...(repository === undefined ? {} : { repository: `git+${repository}.git` }),
  });
  return writeRelease(folder, version, tree, packTarballs());
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "dry-run": { type: "boolean", default: false },
      version: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(usage);
  const dryRun = values["dry-run"];
  const folder = resolve(values.out ?? join(root, ".cache", "release"));
  const tree = readTree(root);
  const version = values.version ?? tree.version;
  const problems = problemsOf(tree, version);
  const publishProblems = publishProblemsOf(tree, version);
  const obstacles = dryRun ? problems : [...problems, ...publishProblems];
  if (obstacles.length > 0) throw new Error(`Nothing was released.\n${list(obstacles)}`);
  checkFolder(folder);
  const release = await prepare(folder, version);
  show(folder, release);
  if (dryRun) {
    if (publishProblems.length > 0) console.log(`Before it can be published:\n${list(publishProblems)}`);
    return;
  }
  const { commit, changes } = readTree(root);
  if (commit !== release.commit || changes !== "")
    throw new Error("The tree has changed since the packages were built. Nothing was published.");
  await publishRelease(folder, release, { report: console.log });
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
