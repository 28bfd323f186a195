/** Files of tasks on this machine: what they take on disk. */
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Bytes that a directory takes on disk, at most `maxFiles` entries of it. A directory that does not exist takes none;
 * what cannot be read is left out.
 */
export async function directorySize(
  directory: string,
  maxFiles: number,
): Promise<{ readonly bytes: number; readonly isComplete: boolean }> {
  let bytes = 0;
  let files = 0;
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const entries = await opendir(next).catch(() => undefined);
    if (entries === undefined) continue;
    for await (const entry of entries) {
      files += 1;
      if (files > maxFiles) return { bytes, isComplete: false };
      const path = join(next, entry.name);
      // A process of the agent may remove it meanwhile.
      const stats = await lstat(path).catch(() => undefined);
      // The size is what a sparse file seems to have, the blocks are what it takes.
      bytes += (stats?.blocks ?? 0) * 512;
      if (entry.isDirectory()) waiting.push(path);
    }
  }
  return { bytes, isComplete: true };
}
