/** Publishes a prepared release with npm, one package after the other. It can be repeated after a failure. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Release, ReleasedPackage } from "./prepare.ts";

const run = promisify(execFile);

export interface PublishOptions {
  /** Options of npm behind those of each command. */
  readonly npmOptions?: readonly string[];
  readonly report: (line: string) => void;
}

/** Skips what is published already; throws if that was made of another commit. */
export async function publishRelease(
  folder: string,
  release: Release,
  { npmOptions = [], report }: PublishOptions,
): Promise<void> {
  for (const item of release.packages) {
    const commit = await publishedCommit(item, npmOptions);
    if (commit === undefined) {
      await publish(join(folder, item.file), release.tag, npmOptions);
      report(`${item.name} ${item.version}: published`);
    } else if (commit === release.commit) {
      report(`${item.name} ${item.version}: published already`);
    } else {
      throw new Error(
        `${item.name} ${item.version} is published already, from ${commit || "an unknown commit"}. ` +
          "Release that commit, or choose another version.",
      );
    }
  }
}

async function publish(tarball: string, tag: string, npmOptions: readonly string[]): Promise<void> {
  await run("npm", [
    ...["publish", tarball, "--provenance", "--access", "public", "--tag", tag, "--ignore-scripts"],
    ...npmOptions,
  ]);
}

/** Commit of a published version, "" for one that names none; undefined for a version that is not published. */
async function publishedCommit(
  { name, version }: ReleasedPackage,
  npmOptions: readonly string[],
): Promise<string | undefined> {
  const args = ["view", `${name}@${version}`, "gitHead", "--json", "--prefer-online", ...npmOptions];
  try {
    const { stdout } = await run("npm", args);
    return stdout.trim() === "" ? "" : (JSON.parse(stdout) as string);
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    if (/"code": "E404"/.test(stdout)) return undefined;
    throw new Error(`npm does not tell whether ${name} ${version} is published:\n${stderr}`, {
      cause: error,
    });
  }
}
