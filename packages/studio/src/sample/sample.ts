/** Creates the sample repository. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Git } from "../git/git.ts";
import { sampleFiles } from "./files.ts";

const identity = { name: "Holdfast sample", email: "sample@holdfast.invalid", date: "@1767225600 +0000" };

/** Name of its folder in a data directory. */
export const sampleFolder = "sample";

/** Returns the path of the sample repository in `dataDirectory`. Creates it on first use. */
export async function sampleRepository(git: Git, dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, sampleFolder);
  if (existsSync(path)) return path;
  const partial = `${path}.partial`;
  await rm(partial, { recursive: true, force: true });
  for (const [name, content] of Object.entries(sampleFiles)) {
    await mkdir(dirname(join(partial, name)), { recursive: true });
    await writeFile(join(partial, name), content);
  }
  await git.run(["init", "--quiet", "--initial-branch", "main", partial]);
  await git.run(["-C", partial, "add", "-A"]);
  await git.run(["-C", partial, "commit", "--quiet", "-m", "feat: turn titles into addresses"], {
    env: {
      GIT_AUTHOR_NAME: identity.name,
      GIT_AUTHOR_EMAIL: identity.email,
      GIT_AUTHOR_DATE: identity.date,
      GIT_COMMITTER_NAME: identity.name,
      GIT_COMMITTER_EMAIL: identity.email,
      GIT_COMMITTER_DATE: identity.date,
    },
  });
  await rename(partial, path);
  return path;
}
