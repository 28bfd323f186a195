import { createWriteStream } from "node:fs";
import { chmod, lutimes, mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ActorBlobs } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { agentOsLimits } from "../limits.ts";
import { type Item, type Manifest, roots } from "./manifest.ts";

/** Writes a snapshot into new folders below `directory`. Nothing may run in them yet. */
export async function restoreSnapshot(
  manifest: Manifest,
  blob: ActorBlobs,
  directory: string,
): Promise<void> {
  const byObject = new Map<string, { readonly path: string; readonly item: Item }[]>();
  for (const root of roots) {
    const folder = join(directory, root);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const item of manifest.items[root]) {
      const path = join(folder, item.p);
      if (item.k === "d") await mkdir(path, { mode: 0o700 });
      else if (item.k === "l") await symlink(item.l ?? "", path);
      else if (item.b === undefined) await writeFile(path, "", { mode: 0o600 });
      else {
        const users = byObject.get(item.b);
        if (users === undefined) byObject.set(item.b, [{ path, item }]);
        else users.push({ path, item });
      }
    }
  }
  for (const [hash, users] of byObject) await writeContents(blob, hash, users);
  // Folders last, the inner ones first: writing into them changes their times, and some may be read-only.
  for (const root of roots) {
    for (const item of manifest.items[root].toReversed())
      await setAttributes(join(directory, root, item.p), item);
  }
}

async function writeContents(
  blob: ActorBlobs,
  hash: string,
  users: readonly { readonly path: string; readonly item: Item }[],
): Promise<void> {
  if (users.every(({ item }) => (item.s ?? 0) < agentOsLimits.maxPackedBytes)) {
    const bytes = await blob.bytes(hash);
    if (bytes === undefined) throw damaged(hash);
    for (const { path, item } of users) {
      const start = item.o ?? 0;
      await writeFile(path, bytes.subarray(start, start + (item.s ?? 0)), { mode: 0o600 });
    }
    return;
  }
  for (const { path, item } of users) {
    const start = item.o ?? 0;
    const stream = await blob.get(hash, { start, end: start + (item.s ?? 0) });
    if (stream === undefined) throw damaged(hash);
    await pipeline(
      Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0]),
      createWriteStream(path, { mode: 0o600 }),
    );
  }
}

async function setAttributes(path: string, { k, m, t }: Item): Promise<void> {
  const at = t / 1_000;
  if (k === "l") return lutimes(path, at, at);
  await chmod(path, m);
  await utimes(path, at, at);
}

function damaged(hash: string): HoldfastError {
  const message = `The snapshot of this machine lacks the object ${hash}. Restore the actor from a backup.`;
  return new HoldfastError("agent_os", "snapshot_damaged", message, { statusCode: 500 });
}
