import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Jails } from "@holdfast/gate";
import { copyInJail } from "../../backup.ts";

/**
 * Copies the workspace of a task into `directory/workspace`, as it is: with what git ignores, and the commits of the agent.
 * An agent may go on to write in it, so a throwaway jail copies. Idempotent: an interrupted run starts over. Throws
 * `backup.failed`, and the errors of the jail.
 */
export async function copyWorkspace(jails: Jails, from: string, directory: string): Promise<void> {
  const workspace = join(directory, "workspace");
  if (existsSync(workspace)) return;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const partial = join(directory, "workspace.partial");
  await rm(partial, { recursive: true, force: true });
  await copyInJail(jails)(from, partial);
  await rename(partial, workspace);
}
