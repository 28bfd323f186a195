import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Git } from "../git/git.ts";

const readme = "# Workspace\n\nFiles on the branches of this repository are available to later sessions.\n";

/** The repository for a group that configures none. It is in the data directory and created on first use. */
export async function groupRepository(git: Git, dataDirectory: string, group: string): Promise<string> {
  const folder = join(dataDirectory, "groups", group);
  const path = join(folder, "repository");
  if (existsSync(path)) return path;
  const partial = `${path}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  await writeFile(join(partial, "README.md"), readme);
  const identity = { NAME: "Holdfast", EMAIL: "holdfast@holdfast.invalid", DATE: "@1767225600 +0000" };
  const env = Object.fromEntries(
    Object.entries(identity).flatMap(([name, value]) => [
      [`GIT_AUTHOR_${name}`, value],
      [`GIT_COMMITTER_${name}`, value],
    ]),
  );
  await git.run(["init", "--quiet", "--initial-branch", "main", partial]);
  await git.run(["-C", partial, "add", "-A"]);
  await git.run(["-C", partial, "commit", "--quiet", "-m", "chore: create the workspace"], { env });
  await rename(partial, path);
  return path;
}
