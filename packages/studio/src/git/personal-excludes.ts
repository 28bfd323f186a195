import { homedir } from "node:os";
import { join } from "node:path";
import type { Git } from "./git.ts";

/**
 * Path of the user's global git ignore file. Undefined if the repository configures its own, which git finds by
 * itself. The file contains only patterns; nothing in it is executed.
 */
export async function globalExcludesFile(git: Git, repository: string): Promise<string | undefined> {
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
