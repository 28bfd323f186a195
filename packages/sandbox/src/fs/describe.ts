import type { BigIntStats } from "node:fs";
import { type PathText, toDisplay } from "./paths/names.ts";

/** Metadata of a path in answers. A link counts as a file with its own size, as in the peer. */
export interface Metadata {
  readonly path: string;
  /** The bytes of a path that is not UTF-8; `path` then has replacement characters. */
  readonly pathBase64?: string;
  readonly entryType: "file" | "directory";
  readonly size: number;
  /** RFC 3339 with nanoseconds. */
  readonly modified: string;
  /** Permission bits. */
  readonly mode: number;
  /** The type of anything that is neither a regular file nor a directory. */
  readonly special?: "symlink" | "socket" | "fifo" | "device";
}

export function describe(path: PathText, stat: BigIntStats): Metadata {
  const special = specialType(stat);
  return {
    ...toDisplay(path),
    entryType: stat.isDirectory() ? "directory" : "file",
    size: Number(stat.size),
    modified: timestamp(stat.mtimeNs),
    mode: Number(stat.mode & 0o7777n),
    ...(special === undefined ? {} : { special }),
  };
}

function specialType(stat: BigIntStats): Metadata["special"] {
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isSocket()) return "socket";
  if (stat.isFIFO()) return "fifo";
  return stat.isBlockDevice() || stat.isCharacterDevice() ? "device" : undefined;
}

/**
 * A strong validator from inode, size and change time. The kernel's timestamps have a granularity of a few
 * milliseconds: two in-place writes of the same size within it give the same validator. Writes through the
 * server always create another inode.
 */
export function computeEtag(stat: BigIntStats): string {
  return `"${stat.ino.toString(36)}-${stat.size.toString(36)}-${stat.ctimeNs.toString(36)}"`;
}

function timestamp(nanoseconds: bigint): string {
  const billion = 1_000_000_000n;
  const fraction = ((nanoseconds % billion) + billion) % billion;
  const seconds = new Date(Number((nanoseconds - fraction) / 1_000_000n)).toISOString().slice(0, -5);
  return `${seconds}.${fraction.toString().padStart(9, "0")}+00:00`;
}
