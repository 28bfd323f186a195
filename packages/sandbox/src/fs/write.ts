import { randomBytes } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Exchange } from "../http/exchange.ts";
import { invalid } from "../http/problem.ts";
import type { KeyedLock } from "../internal/keyed-lock.ts";
import { checkChange, wantsNew } from "./conditions.ts";
import { etagOf } from "./describe.ts";
import { operationFailed } from "./failures.ts";
import type { Place } from "./paths/paths.ts";
import { renameWithoutOverwrite } from "./paths/rename-without-overwrite.ts";
import { hasCode, lstat, lstatIfThere, open, rename, unlink } from "./system.ts";

/** The name of a file beside the one that is being written; only one that is left by a kill is ever seen. */
export function temporaryName(): string {
  return `.holdfast-${randomBytes(8).toString("hex")}.tmp`;
}

export interface Written {
  readonly bytesWritten: number;
  readonly etag: string;
}

/**
 * Writes the body of a request to a place: to a temporary file beside it, which is synced and renamed,
 * so that a reader sees the old file or the new one, and a broken upload changes nothing. A file that
 * is replaced keeps its permissions. The conditions of the request are checked before the body is
 * read, and again in the same turn of `lock` as the rename: against other writers through the server
 * that is exact, against other processes only "If-None-Match: *" is.
 */
export async function receiveFile(
  exchange: Exchange,
  place: Place,
  maxBytes: number,
  lock: KeyedLock,
): Promise<Written> {
  const { headers } = exchange.request;
  const old = await replaceable(place);
  checkChange(headers, old && etagOf(old));
  const temporary = place.sibling(temporaryName());
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(temporary, flags, 0o666);
  let isLeft = true;
  try {
    const bytesWritten = await writeBody(exchange, file, maxBytes, old);
    const stat = await lock.run(await lockKey(place), async () => {
      const now = await replaceable(place);
      checkChange(headers, now && etagOf(now));
      if (wantsNew(headers)) {
        await publishNew(temporary, place);
      } else {
        await rename(temporary, place.path);
      }
      isLeft = false;
      return await lstat(place.path);
    });
    return { bytesWritten, etag: etagOf(stat) };
  } finally {
    if (isLeft) await unlink(temporary);
  }
}

/** What is there and may be replaced by a file. */
async function replaceable(place: Place): Promise<BigIntStats | undefined> {
  const old = await lstatIfThere(place.path);
  if (old?.isDirectory()) throw operationFailed("path is a directory");
  if (old && !old.isFile()) throw invalid("path is not a regular file");
  return old;
}

/** Names a place by its directory, however it was reached. */
export async function lockKey(place: Place): Promise<string> {
  const parent = await lstat(place.sibling("."));
  return `${parent.dev}:${parent.ino}/${place.name}`;
}

/** What is named by a link has lost its second name before the validator is taken: that counts as a change. */
async function publishNew(temporary: string, place: Place): Promise<void> {
  try {
    await renameWithoutOverwrite(temporary, place.path);
  } catch (error) {
    if (hasCode(error, "EEXIST")) checkChange({ "if-none-match": "*" }, "");
    throw error;
  }
}

/** Streams the body into `file`, durably; answers its size in bytes. */
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

/** Writes at the file's own position; the system may take less than it was given. */
export async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}
