import { homedir } from "node:os";
import { join } from "node:path";
import type { Git } from "./git.ts";

/**
 * The file in which a person names what git is to ignore in all of their repositories; undefined where this
 * repository names one of its own, which git finds by itself. It holds patterns alone: nothing of it is run.
 */
export async function personalExcludes(git: Git, repository: string): Promise<string | undefined> {
  const key = "core.excludesFile";
  const own = await git.status(["-C", repository, "config", "--local", "--get", key]);
  if (own.status === 0) return undefined;
  const home = homedir();
  const folder = join(process.env.XDG_CONFIG_HOME || join(home, ".config"), "git");
  for (const file of [join(home, ".gitconfig"), join(folder, "config")]) {
    const args = ["config", "-z", "--file", file, "--type=path", "--get", key];
    const found = await git.status(args, { env: { HOME: home } });
    if (found.status === 0) return found.stdout.toString("utf8").replace(/\0$/, "");
  }
  return join(folder, "ignore");
}
