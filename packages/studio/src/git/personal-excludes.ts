import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Git } from "./git.ts";

/**
 * Path of the user's global git ignore file, for a repository that configures none. The file contains only patterns;
 * nothing in it is executed.
 */
export async function globalExcludesFile(git: Git): Promise<string> {
  const home = homedir();
  const folder = join(process.env.XDG_CONFIG_HOME || join(home, ".config"), "git");
  for (const file of [join(home, ".gitconfig"), join(folder, "config")]) {
    if (!existsSync(file)) continue;
    const args = ["config", "-z", "--file", file, "--type=path", "--get", "core.excludesFile"];
    const found = await git.status(args, { env: { HOME: home } });
    if (found.status === 0) return found.stdout.toString("utf8").replace(/\0$/, "");
  }
  return join(folder, "ignore");
}
