import { createHash } from "node:crypto";
import type { ActorBlobs } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { chunksOf } from "./chunks.ts";

/** The archives of a task's files: the host's clone, and what the agent writes. */
export type ArchiveName = "git" | "files";

/** Archives as streams of bytes; the stream of each is read to its end before that of the next. */
export type Archives = AsyncIterable<readonly [ArchiveName, AsyncIterable<Uint8Array>]>;

/** The object that lists the chunks of a snapshot, by their hashes. */
interface Manifest {
  readonly version: 1;
  readonly archives: Readonly<Record<ArchiveName, readonly string[]>>;
}

/** Objects are listed in pages of this size. */
const pageSize = 1_000;

/**
 * Stores archives as objects of an actor, and removes those of the snapshot before it; returns the hash of the
 * manifest. Chunks that exist are not stored again.
 */
export async function storeSnapshot(blobs: ActorBlobs, archives: Archives): Promise<string> {
  const stored: Record<ArchiveName, string[]> = { git: [], files: [] };
  for await (const [name, stream] of archives) {
    for await (const chunk of chunksOf(stream)) {
      const hash = createHash("sha256").update(chunk).digest("hex");
      if (!(await blobs.has(hash))) await blobs.put(chunk);
      stored[name].push(hash);
    }
  }
  const manifest: Manifest = { version: 1, archives: stored };
  const { hash } = await blobs.put(JSON.stringify(manifest));
  await removeOthers(blobs, new Set([hash, ...stored.git, ...stored.files]));
  return hash;
}

/** Reads the archives of a snapshot. Throws `snapshot.incomplete`. */
export async function* readSnapshot(blobs: ActorBlobs, manifestHash: string): Archives {
  const bytes = await blobs.bytes(manifestHash);
  if (bytes === undefined) throw incomplete();
  const { archives } = JSON.parse(new TextDecoder().decode(bytes)) as Manifest;
  yield ["git", readChunks(blobs, archives.git)];
  yield ["files", readChunks(blobs, archives.files)];
}

async function* readChunks(blobs: ActorBlobs, hashes: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const hash of hashes) {
    const chunk = await blobs.bytes(hash);
    if (chunk === undefined) throw incomplete();
    yield chunk;
  }
}

/** Also removes what a snapshot left that was interrupted. */
async function removeOthers(blobs: ActorBlobs, kept: ReadonlySet<string>): Promise<void> {
  for (let after: string | undefined; ; ) {
    const page = await blobs.list({ limit: pageSize, ...(after === undefined ? {} : { after }) });
    for (const { hash } of page) if (!kept.has(hash)) await blobs.delete(hash);
    if (page.length < pageSize) return;
    after = page.at(-1)?.hash;
  }
}

function incomplete(): HoldfastError {
  const message = "A part of the task's snapshot is missing in the store";
  return new HoldfastError("snapshot", "incomplete", message);
}
