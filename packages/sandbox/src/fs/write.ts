import { randomBytes } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Exchange } from "../http/exchange.ts";
import { invalid } from "../http/problem.ts";
import type { KeyedLock } from "../internal/keyed-lock.ts";
import { checkChange, wantsNew } from "./conditions.ts";
import { computeEtag } from "./describe.ts";
import { operationFailed } from "./failures.ts";
import type { Place } from "./paths/paths.ts";
import { renameWithoutOverwrite } from "./paths/rename-without-overwrite.ts";
import { hasCode, lstat, lstatIfExists, open, rename, unlink } from "./system.ts";

/** Name for a temporary file beside the one that is written. Only a kill leaves one behind. */
export function temporaryName(): string {
  return `.holdfast-${randomBytes(8).toString("hex")}.tmp`;
}

export interface WrittenFile {
  readonly bytesWritten: number;
  readonly etag: string;
}

/**
 * Writes the request body atomically: to a temporary file beside the place, which is synced and renamed. A
 * replaced file keeps its permissions. The preconditions are checked before the body is read, and again under
 * `lock` with the rename. That is exact against writers through this server; against other processes only
 * "If-None-Match: *" is.
 */
export async function receiveFile(
  exchange: Exchange,
  place: Place,
  maxBytes: number,
  lock: KeyedLock,
): Promise<WrittenFile> {
  const { headers } = exchange.request;
  const old = await replaceable(place);
  checkChange(headers, old && computeEtag(old));
  const temporary = place.sibling(temporaryName());
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(temporary, flags, 0o666);
  let isLeft = true;
  try {
    const bytesWritten = await writeBody(exchange, file, maxBytes, old);
    const stat = await lock.run(await lockKey(place), async () => {
      const now = await replaceable(place);
      checkChange(headers, now && computeEtag(now));
      if (wantsNew(headers)) {
        await publishNew(temporary, place);
      } else {
        await rename(temporary, place.path);
      }
      isLeft = false;
      return await lstat(place.path);
    });
    return { bytesWritten, etag: computeEtag(stat) };
  } finally {
    if (isLeft) await unlink(temporary);
  }
}

/** The existing file, if any. Throws for anything that a file must not replace. */
async function replaceable(place: Place): Promise<BigIntStats | undefined> {
  const old = await lstatIfExists(place.path);
  if (old?.isDirectory()) throw operationFailed("path is a directory");
  if (old && !old.isFile()) throw invalid("path is not a regular file");
  return old;
}

/** Lock key of a place: by directory inode and name, so that it does not depend on the path. */
export async function lockKey(place: Place): Promise<string> {
  const parent = await lstat(place.sibling("."));
  return `${parent.dev}:${parent.ino}/${place.name}`;
}

/** Publishes a new file, which never replaces one. */
async function publishNew(temporary: string, place: Place): Promise<void> {
  try {
    await renameWithoutOverwrite(temporary, place.path);
  } catch (error) {
    if (hasCode(error, "EEXIST")) checkChange({ "if-none-match": "*" }, "");
    throw error;
  }
}

/** Streams the body into `file` and syncs it; returns the size in bytes. */
async function writeBody(
  exchange: Exchange,
  file: FileHandle,
  maxBytes: number,
  old: BigIntStats | undefined,
): Promise<number> {
  let size = 0;
  try {
    if (maxBytes > 0 && Number(exchange.request.headers["content-length"] ?? 0) > maxBytes)
      throw invalid(`the file exceeds ${maxBytes} bytes`, 413);
    for await (const chunk of exchange.request) {
      const bytes: Buffer = chunk;
      size += bytes.length;
      if (maxBytes > 0 && size > maxBytes) throw invalid(`the file exceeds ${maxBytes} bytes`, 413);
      await writeAll(file, bytes);
    }
    if (old) await file.chmod(Number(old.mode & 0o7777n));
    await file.datasync();
  } finally {
    await file.close();
  }
  return size;
}

/** Writes all bytes at the file's position: one write may be partial. */
export async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}
