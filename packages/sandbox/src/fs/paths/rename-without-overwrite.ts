import { constants } from "node:fs";
import { hasCode, link, open, rename, unlink } from "../system.ts";
import type { PathText } from "./names.ts";

/**
 * As rename(2) of what is no directory, but nothing is ever replaced: throws `EEXIST` where the name is
 * taken. The second name of a hard link is taken by one alone, and whole; file systems without them (FAT,
 * many of FUSE and of networks) have the name held by an empty file for a moment.
 */
export async function renameWithoutOverwrite(from: PathText, to: PathText): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // EPERM is also said of a file of somebody else, EMLINK of one that has all the names that it can have.
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
