import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { detachMounts } from "./fuse/detach.ts";

/** Removes mounts whose helper was killed together with its host; otherwise a helper does it itself. */
export async function removeOldMounts(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  await detachMounts(names.map((name) => join(directory, name)));
}
