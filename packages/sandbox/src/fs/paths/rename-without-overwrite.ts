import { constants } from "node:fs";
import { hasCode, link, open, rename, unlink } from "../system.ts";
import type { PathText } from "./names.ts";

/**
 * Renames anything but a directory without ever replacing a file: throws `EEXIST` if the name is taken. Creates a hard
 * link, which is atomic, and removes the old name. On file systems without hard links (FAT, many FUSE and network file
 * systems) an empty file reserves the name briefly.
 */
export async function renameWithoutOverwrite(from: PathText, to: PathText): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // EPERM may also mean a file of another user, and EMLINK a file with the maximum number of links.
    if (!hasCode(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK")) throw error;
    await renameOverOwn(from, to);
    return;
  }
  try {
    await unlink(from);
  } catch (error) {
    await unlink(to);
    throw error;
  }
}

async function renameOverOwn(from: PathText, to: PathText): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  await (await open(to, flags, 0o600)).close();
  try {
    await rename(from, to);
  } catch (error) {
    await unlink(to);
    throw error;
  }
}
