import type { ActorArchive, ActorRecord } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import { type ArchiveContent, type ArchiveSink, readArchive } from "@holdfast/store-kit";
import { redisStoreLimits as limits } from "../../limits.ts";
import type { Blobs } from "../blobs.ts";
import type { Argument } from "../command.ts";
import type { Connections } from "../connection/connections.ts";
import { addressHash } from "../keys.ts";
import { clearActorScript, finishArchiveScript } from "../scripts/archive.ts";
import { stageScript } from "../scripts/restore.ts";
import { callArguments, entryArguments, stateKinds } from "../turn-server.ts";

export interface ArchiveWriterOptions {
  readonly connections: Connections;
  readonly prefix: string;
  readonly blobs: Blobs;
  readonly now: () => number;
}

/** Actors that are written at a time. */
const writtenAtOnce = 8;

/**
 * Writes archives as keys. The row of an actor is written last: without it the actor does not exist, and its other keys
 * are removed by the next attempt.
 */
export class ArchiveWriter {
  readonly #options: ArchiveWriterOptions;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: ArchiveWriterOptions) {
    this.#options = options;
  }

  /** True if nothing is being written. */
  get isFlushed(): boolean {
    return this.#running.size === 0;
  }

  /** Resolves when the next one may begin. Throws what an earlier one has failed with. */
  async write(archive: ActorArchive): Promise<void> {
    const work: Promise<void> = this.#write(archive).then(
      () => void this.#running.delete(work),
      (error: unknown) => {
        this.#running.delete(work);
        this.#failure ??= { error };
      },
    );
    this.#running.add(work);
    if (this.#running.size >= writtenAtOnce) await Promise.race(this.#running);
    this.#rethrow();
  }

  async flush(): Promise<void> {
    await Promise.all(this.#running);
    this.#rethrow();
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #write(archive: ActorArchive): Promise<void> {
    const { connections, prefix } = this.#options;
    const { record } = archive;
    await connections.run(clearActorScript, prefix, record.id);
    const content = await readArchive(archive, this.#sink(record.id));
    await connections.run(finishArchiveScript, prefix, ...rowArguments(record, content));
  }

  #sink(id: string): ArchiveSink {
    const { connections, prefix, blobs, now } = this.#options;
    const stage = async (...args: readonly Argument[]) => {
      await connections.run(stageScript, prefix, id, ...args);
    };
    return {
      state: (version, { isSnapshot, createdAt, bytes }) =>
        stage("state", version, stateKinds[isSnapshot ? "snapshot" : "patch"], createdAt, bytes),
      entries: (entries) =>
        stage(
          ...["entries", entries.length],
          ...entries.flatMap((entry) => entryArguments({ type: "put", ...entry })),
        ),
      calls: async (calls) => {
        for (const call of calls) {
          const [key, ttl, value] = callArguments(call, now());
          await connections.command("SET", callKey(prefix, id, key), value, "PX", ttl);
        }
      },
      pages: ({ changed }) =>
        stage("pages", changed.length, ...changed.flatMap(({ no, bytes }) => [no, bytes])),
      blob: async (source) => (await blobs.put(id, source, limits.maxBlobBytes)).hash,
    };
  }
}

/** The key that has a call record. */
export function callKey(prefix: string, id: string, key: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${prefix}call:${id}:`), key]);
}

/** In the order in which the script reads them. */
function rowArguments(record: ActorRecord, content: ArchiveContent): readonly Argument[] {
  const { id, name, key, epoch, version, createdAt, destroyedAt, wakeAt } = record;
  const { snapshotVersion, callsUntil, database } = content;
  return [
    ...[id, name, encodeKey(key), addressHash(name, key), createdAt, wakeAt ?? "", destroyedAt ?? ""],
    ...[epoch, version, snapshotVersion ?? "", callsUntil],
    ...[database?.pageSize ?? "", database?.pages ?? ""],
  ];
}
