import type { BigIntStats } from "node:fs";
import { invalid } from "../../http/problem.ts";
import { operationFailed } from "../failures.ts";
import { hasCode, lstat, lstatIfExists, mkdir, rename, rmdir, unlink } from "../system.ts";
import { temporaryName } from "../write.ts";
import { copy } from "./copy.ts";
import { remove } from "./directory.ts";
import type { PathText } from "./names.ts";
import type { Place } from "./paths.ts";
import { renameWithoutOverwrite } from "./rename-without-overwrite.ts";

/**
 * Moves a file or directory. Without `overwrite` an existing destination is never replaced; with it the old one
 * is removed only after the source has taken its place, so that a failed move leaves both. A move onto itself
 * changes nothing. To another file system it is a copy, which `signal` aborts, and a removal.
 */
export async function move(from: Place, to: Place, overwrite: boolean, signal: AbortSignal): Promise<void> {
  if (from.name === "." || to.name === ".") throw invalid("the root directory cannot be moved or replaced");
  const source = await lstat(from.path);
  const target = await lstatIfExists(to.path);
  if (target && !overwrite) throw invalid("destination already exists");
  if (target && isSame(target, source)) {
    // Hard links of one file: rename(2) would leave both names.
    if (!(await isSameEntry(from, to))) await unlink(from.path);
    return;
  }
  try {
    await renameInto(from.path, to, source, target);
  } catch (error) {
    if (hasCode(error, "EINVAL")) throw intoItself();
    if (!hasCode(error, "EXDEV")) throw error;
    await moveAcross(from, to, { source, target, signal });
  }
}

interface MoveAcrossRequest {
  readonly source: BigIntStats;
  readonly target: BigIntStats | undefined;
  readonly signal: AbortSignal;
}

/** Copies beside the destination, renames the copy into place, and only then removes the source. */
async function moveAcross(
  from: Place,
  to: Place,
  { source, target, signal }: MoveAcrossRequest,
): Promise<void> {
  if (source.isDirectory() && (await isBelow(to, source))) throw intoItself();
  const copied = to.sibling(temporaryName());
  try {
    await copy(from.path, copied, signal);
    await renameInto(copied, to, source, target);
  } catch (error) {
    if (await lstatIfExists(copied)) {
      await remove(copied, true).catch(() => {
        // The error of the move is reported, not that of the clean-up.
      });
    }
    throw error;
  }
  await remove(from.path, true);
}

/** Whether a path is inside a directory, also across mount points. */
async function isBelow(place: Place, directory: BigIntStats): Promise<boolean> {
  let path = place.sibling(".");
  for (let last: BigIntStats | undefined; ; path += "/..") {
    const at = await lstat(path);
    if (isSame(at, directory)) return true;
    if (last && isSame(at, last)) return false;
    last = at;
  }
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

function intoItself(): Error {
  return operationFailed("a directory cannot be moved into itself");
}

async function renameInto(
  from: PathText,
  to: Place,
  source: BigIntStats,
  target: BigIntStats | undefined,
): Promise<void> {
  if (!target) await moveNew(from, to, source);
  else await moveOver(from, to, source, target);
}

async function isSameEntry(from: Place, to: Place): Promise<boolean> {
  const [one, other] = await Promise.all([lstat(from.sibling(".")), lstat(to.sibling("."))]);
  return isSame(one, other) && from.name === to.name;
}

/** Moves to a free path. A destination that appears during the move causes an error and is never replaced. */
async function moveNew(from: PathText, to: Place, source: BigIntStats): Promise<void> {
  try {
    if (source.isDirectory()) {
      await mkdir(to.path);
      await rename(from, to.path).catch(async (error: unknown) => {
        await rmdir(to.path);
        throw error;
      });
      return;
    }
    await renameWithoutOverwrite(from, to.path);
  } catch (error) {
    throw destinationExists(error) ? invalid("destination already exists") : error;
  }
}

function destinationExists(error: unknown): boolean {
  return hasCode(error, "EEXIST", "ENOTEMPTY");
}

async function moveOver(from: PathText, to: Place, source: BigIntStats, target: BigIntStats): Promise<void> {
  if (!source.isDirectory() && !target.isDirectory()) {
    await rename(from, to.path);
    return;
  }
  // rename(2) cannot replace a directory with entries: the old one is renamed first, and removed last.
  const aside = to.sibling(temporaryName());
  await rename(to.path, aside);
  try {
    await rename(from, to.path);
  } catch (error) {
    await rename(aside, to.path);
    throw error;
  }
  await remove(aside, true);
}
