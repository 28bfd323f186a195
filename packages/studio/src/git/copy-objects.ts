import { constants } from "node:fs";
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { abortable } from "../work/abortable.ts";

/**
 * Copies all objects of a git directory to another one, and where its history is cut off. Nothing of them is shared,
 * except by a file system that copies when one side writes.
 */
export async function copyObjects(
  from: string,
  to: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const entries = await readdir(join(from, "objects"), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const shallow = (await readdir(from)).includes("shallow") ? [join(from, "shallow")] : [];
  for (const file of [...files, ...shallow]) {
    const target = join(to, file.slice(from.length));
    await mkdir(dirname(target), { recursive: true });
    await abortable(copyFile(file, target, constants.COPYFILE_FICLONE), signal);
  }
}
