/**
 * `npm run release`: builds, packs and publishes all packages in one version. With `--dry-run` it stops before it
 * publishes, and asks no registry.
 */
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkContents, checkEngines, checkImports, staging } from "../pack/checks.ts";
import { packTarballs } from "../pack/registry.ts";
import { stagePackages } from "../pack/stage.ts";
import { root } from "../workspace.ts";
import {
  checkFolder,
  isVersion,
  keepsData,
  keptFolder,
  noVersion,
  problemsOf,
  publishProblemsOf,
  readTree,
  type Tree,
} from "./conditions.ts";
import { releaseManifests } from "./manifests.ts";
import { setVersion } from "./new-version.ts";
import { preparedRelease, type Release, writeRelease } from "./prepare.ts";
import { publishRelease } from "./publish.ts";
import { tagProblems, tagRelease } from "./tag.ts";

const usage = `npm run release -- [--prepare | --dry-run] [--version X.Y.Z] [--repository URL]
                  [--no-provenance] [--out DIR]

  --prepare        give the repository the version, and keep its data for the upgrade test; to be committed
  --dry-run        make everything that would be published, and publish nothing
  --version        version of all packages; by default that of package.json
  --repository     address of the repository; by default that of the remote "origin"
  --no-provenance  do not let npm sign where the packages were built, which only a CI service can
  --out            folder of the release; by default .cache/release`;

function list(problems: readonly string[]): string {
  return problems.map((problem) => `- ${problem}`).join("\n");
}

function show(folder: string, release: Release): void {
  console.log(
    `release ${release.version} of commit ${release.commit} in ${folder}, to be tagged "${release.tag}":`,
  );
  for (const [index, item] of release.packages.entries())
    console.log(`${String(index + 1).padStart(3)}. ${item.name}: ${Math.ceil(item.sizeBytes / 1_000)} kB`);
  console.log("images, to be built once the packages are published:");
  for (const { command } of release.images) console.log(`  ${command}`);
}

/** Changes the repository only; what it leaves is reviewed and committed as any other change. */
function prepareRepository(tree: Tree, version: string): void {
  if (!isVersion(version)) throw new Error(noVersion(version));
  if (tree.changes !== "")
    throw new Error("The tree has changes that no commit holds. Commit or remove them first.");
  const changed = setVersion(root, tree.version, version, new Date().toISOString().slice(0, 10));
  const writes = keepsData(version) && !tree.kept.includes(version);
  if (writes) {
    const program = join(root, "tests/upgrade/support/write.ts");
    execFileSync(process.execPath, [program, version], { stdio: "inherit" });
  }
  const kept = writes ? `, and its data written to ${join(keptFolder, version)}` : "";
  console.log(
    `version ${version}: ${changed.length} files changed${kept}. Commit them, then run: npm run release`,
  );
}

async function makeRelease(folder: string, version: string, tree: Tree): Promise<Release> {
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
      prepare: { type: "boolean", default: false },
      version: { type: "string" },
      repository: { type: "string" },
      provenance: { type: "boolean", default: true },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
    allowNegative: true,
  });
  if (values.help) return console.log(usage);
  const dryRun = values["dry-run"];
  const folder = resolve(values.out ?? join(root, ".cache", "release"));
  const tree = readTree(root, values.repository);
  if (values.repository !== undefined && tree.repository === undefined)
    throw new Error(`"${values.repository}" is no address of a repository: https://HOST/OWNER/NAME`);
  const version = values.version ?? tree.version;
  if (values.prepare) return prepareRepository(tree, version);
  const problems = problemsOf(tree, version);
  const publishProblems = [...publishProblemsOf(tree, version), ...tagProblems(root, version, tree.commit)];
  const obstacles = dryRun ? problems : [...problems, ...publishProblems];
  if (obstacles.length > 0) throw new Error(`Nothing was released.\n${list(obstacles)}`);
  checkFolder(folder);
  const prepared = dryRun ? undefined : preparedRelease(folder, version, tree);
  const release = prepared ?? (await makeRelease(folder, version, tree));
  show(folder, release);
  if (dryRun) {
    if (publishProblems.length > 0) console.log(`Before it can be published:\n${list(publishProblems)}`);
    return;
  }
  const { commit, changes } = readTree(root);
  if (commit !== release.commit || changes !== "")
    throw new Error("The tree has changed since the packages were built. Nothing was published.");
  await publishRelease(folder, release, { provenance: values.provenance, report: console.log });
  const tag = tagRelease(root, folder, release);
  console.log(`tagged ${tag}, with the notes. Push it: git push origin ${tag}`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
