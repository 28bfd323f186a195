import { type BigIntStats, constants } from "node:fs";
import { invalid } from "../http/problem.ts";
import { remove } from "./directory.ts";
import { failed } from "./failures.ts";
import type { Place } from "./paths.ts";
import { renameNew } from "./rename-new.ts";
import { hasCode, lstat, lstatIfThere, mkdir, open, rename, rmdir, unlink } from "./system.ts";
import { temporaryName } from "./write.ts";

/**
 * Moves what is at `from` to `to`. Without `overwrite` nothing that is there is ever replaced; with it
 * what was there goes only once the source has taken its place, so that a move that fails leaves both.
 * Onto itself it changes nothing.
 */
export async function move(from: Place, to: Place, overwrite: boolean): Promise<void> {
  if (from.name === "." || to.name === ".") throw invalid("the root directory cannot be moved or replaced");
  const source = await lstat(from.path);
  const target = await lstatIfThere(to.path);
  if (target && !overwrite) throw invalid("destination already exists");
  if (target && target.ino === source.ino && target.dev === source.dev) {
    // Two names of one file: rename(2) would leave both.
    if (!(await isSameEntry(from, to))) await unlink(from.path);
    return;
  }
  try {
    if (!target) await moveNew(from, to, source);
    else await moveOver(from, to, source, target);
  } catch (error) {
    if (hasCode(error, "EINVAL")) throw failed("a directory cannot be moved into itself");
    if (!hasCode(error, "EXDEV")) throw error;
    if (!source.isFile() || target?.isDirectory()) throw error;
    await copyAcross(from, to, overwrite);
  }
}

async function isSameEntry(from: Place, to: Place): Promise<boolean> {
  const [one, other] = await Promise.all([lstat(from.sibling(".")), lstat(to.sibling("."))]);
  return one.ino === other.ino && one.dev === other.dev && from.name === to.name;
}

/** Refuses where somebody made the destination meanwhile, but never replaces it. */
async function moveNew(from: Place, to: Place, source: BigIntStats): Promise<void> {
  try {
    if (source.isDirectory()) {
      await mkdir(to.path);
      await rename(from.path, to.path).catch(async (error: unknown) => {
        await rmdir(to.path);
        throw error;
      });
      return;
    }
    await renameNew(from.path, to.path);
  } catch (error) {
    throw isTaken(error) ? invalid("destination already exists") : error;
  }
}

function isTaken(error: unknown): boolean {
  return hasCode(error, "EEXIST", "ENOTEMPTY");
}

async function moveOver(from: Place, to: Place, source: BigIntStats, target: BigIntStats): Promise<void> {
  if (!source.isDirectory() && !target.isDirectory()) {
    await rename(from.path, to.path);
    return;
  }
  // rename(2) replaces no directory that has entries: it steps aside, and goes when it is replaced.
  const aside = to.sibling(temporaryName());
  await rename(to.path, aside);
  try {
    await rename(from.path, to.path);
  } catch (error) {
    await rename(aside, to.path);
    throw error;
  }
  await remove(aside, true);
}

/** A file to another file system: copied beside the destination, synced and renamed. */
async function copyAcross(from: Place, to: Place, overwrite: boolean): Promise<void> {
  const temporary = to.sibling(temporaryName());
  const source = await open(from.path, constants.O_RDONLY | constants.O_NOFOLLOW);
  let isLeft = false;
  try {
    const stat = await source.stat({ bigint: true });
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const copy = await open(temporary, flags, 0o600);
    isLeft = true;
    try {
      await copy.writeFile(source.createReadStream({ autoClose: false }));
      await copy.chmod(Number(stat.mode & 0o7777n));
      await copy.utimes(stat.atime, stat.mtime);
      await copy.datasync();
    } finally {
      await copy.close();
    }
    await (overwrite ? rename : renameNew)(temporary, to.path);
    isLeft = false;
  } catch (error) {
    throw isTaken(error) ? invalid("destination already exists") : error;
  } finally {
    await source.close();
    if (isLeft) await unlink(temporary);
  }
  await unlink(from.path);
}
