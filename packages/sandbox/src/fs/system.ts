/** System calls for the file routes, with paths that preserve every byte of a name. */
import type { BigIntStats } from "node:fs";
import * as fs from "node:fs/promises";
import { decodeName, encodeName, type PathText } from "./paths/names.ts";

export function open(path: PathText, flags: number, mode?: number): Promise<fs.FileHandle> {
  return fs.open(encodeName(path), flags, mode);
}

export function lstat(path: PathText): Promise<BigIntStats> {
  return fs.lstat(encodeName(path), { bigint: true });
}

/** As lstat, but returns undefined if nothing exists at the path. */
export async function lstatIfExists(path: PathText): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Returns the names in a directory, in byte order. */
export async function readdir(path: PathText): Promise<PathText[]> {
  const names = await fs.readdir(encodeName(path), { encoding: "buffer" });
  return names.sort(Buffer.compare).map(decodeName);
}

export async function readlink(path: PathText): Promise<PathText> {
  return decodeName(await fs.readlink(encodeName(path), { encoding: "buffer" }));
}

export async function mkdir(path: PathText, mode?: number): Promise<void> {
  await fs.mkdir(encodeName(path), mode);
}

/** Sets the owner and group from `stat`; never follows a link. */
export async function lchown(path: PathText, { uid, gid }: BigIntStats): Promise<void> {
  await fs.lchown(encodeName(path), Number(uid), Number(gid));
}

/** Sets the times from `stat`; never follows a link. */
export async function lutimes(path: PathText, { atime, mtime }: BigIntStats): Promise<void> {
  await fs.lutimes(encodeName(path), atime, mtime);
}

export async function rmdir(path: PathText): Promise<void> {
  await fs.rmdir(encodeName(path));
}

export async function unlink(path: PathText): Promise<void> {
  await fs.unlink(encodeName(path));
}

export async function rename(from: PathText, to: PathText): Promise<void> {
  await fs.rename(encodeName(from), encodeName(to));
}

/** Creates a hard link; never follows a link, and never replaces anything. */
export async function link(existing: PathText, path: PathText): Promise<void> {
  await fs.link(encodeName(existing), encodeName(path));
}

export async function symlink(target: PathText, path: PathText): Promise<void> {
  await fs.symlink(encodeName(target), encodeName(path));
}

/** Checks the code only: an error from another realm is not an instance of our Error. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    typeof error.code === "string" &&
    codes.includes(error.code)
  );
}
