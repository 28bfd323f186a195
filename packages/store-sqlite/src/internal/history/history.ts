/** History, images, forks, archives and backups. */
import { rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type {
  ActorImage,
  ActorRecord,
  CommitBatch,
  HistoryStore,
  ImageHeader,
  NewIdentity,
  StoredState,
} from "@holdfast/actors";
import type { FileCommits } from "../actor-file/file-commits.ts";
import type { ActorFiles } from "../actor-file/files.ts";
import type { Blobs } from "../blobs.ts";
import { applyCommit, type Tables } from "../commit/apply.ts";
import type { GroupCommitter } from "../commit/group-committer.ts";
import { makeDirectory } from "../database.ts";
import { duplicateKey, notFound } from "../errors.ts";
import {
  fileParts,
  imagePosition,
  linkBlobs,
  makeScratch,
  type OpenImage,
  type Received,
  receive,
  scratchFolder,
  sharedParts,
} from "./image.ts";
import { stateAt } from "./retention.ts";

const maxBlobBytes = 16 * 1_073_741_824;

export interface SqliteHistoryOptions {
  /** The store's directory, and the file of its database. */
  readonly path: string;
  readonly file: string;
  readonly tables: Tables;
  readonly group: GroupCommitter;
  readonly files: ActorFiles;
  readonly fileCommits: FileCommits;
  readonly blobs: Blobs;
  readonly get: (id: string) => Promise<ActorRecord | undefined>;
}

/** The history of actors, and copies of them, in the SQLite store. */
export class SqliteHistory implements HistoryStore {
  readonly #options: SqliteHistoryOptions;

  constructor(options: SqliteHistoryOptions) {
    this.#options = options;
    rmSync(join(options.path, scratchFolder), { recursive: true, force: true });
  }

  async stateAt(actorId: string, at: number): Promise<StoredState | undefined> {
    const { group, files, tables } = this.#options;
    group.assertUsable();
    const file = files.find(actorId);
    if (file === undefined)
      return group.read(
        () => stateAt(tables.sql, actorId, at),
        () => actorId,
      );
    await file.synced();
    return file.state(at);
  }

  async image(actorId: string): Promise<ActorImage> {
    const { path, files, group, blobs } = this.#options;
    group.assertUsable();
    const file = files.find(actorId);
    const folder = makeScratch(path);
    try {
      if (file === undefined) return await this.#sharedImage(actorId, folder);
      const { name, key, createdAt } = await this.#requireActor(actorId);
      linkBlobs(blobs, actorId, folder);
      const copy = join(folder, "copy.db");
      await files.copy(file, copy);
      linkBlobs(blobs, actorId, folder);
      // The actor keeps running while it is copied, so its record is read from the copy.
      const header = { name, key, createdAt, hasDatabase: true, ...imagePosition(copy) };
      return { header, parts: fileParts(copy, folder) };
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async #sharedImage(actorId: string, folder: string): Promise<ActorImage> {
    const { group, blobs, file } = this.#options;
    // After this read everything written so far is durable, and so everything that the reader sees.
    await group.read(
      () => undefined,
      () => "many",
    );
    const header = headerOf(await this.#requireActor(actorId));
    const reader = new DatabaseSync(file, { readOnly: true });
    try {
      reader.exec("BEGIN");
      reader.prepare("SELECT 1 FROM actor LIMIT 1").get();
      linkBlobs(blobs, actorId, folder);
    } catch (error) {
      // An open reader prevents checkpoints from resetting the WAL.
      reader.close();
      throw error;
    }
    return { header, parts: sharedParts(reader, actorId, folder) };
  }

  async #requireActor(actorId: string): Promise<ActorRecord> {
    const record = await this.#options.get(actorId);
    if (record === undefined || record.destroyedAt !== undefined) throw notFound(actorId);
    return record;
  }

  async restore(image: ActorImage, as: NewIdentity): Promise<ActorRecord> {
    const parts = image.parts[Symbol.asyncIterator]();
    try {
      // Started before anything can fail: a generator that was never started cannot be returned from, and its copy
      // would stay.
      const first = await parts.next();
      return await this.#restore(image.header, { parts, first }, as);
    } finally {
      await parts.return?.();
    }
  }

  async #restore(header: ImageHeader, image: OpenImage, as: NewIdentity): Promise<ActorRecord> {
    const { path, files, group, blobs } = this.#options;
    group.assertUsable();
    if ((await this.#options.get(as.id)) !== undefined) throw duplicateKey();
    await files.setDirty();
    const folder = makeScratch(path);
    const database = join(folder, "received.db");
    try {
      const received = await receive(image, as.id, database, blobs, maxBlobBytes);
      await this.#createActor(header, as, received, database);
      return await this.#requireActor(as.id);
    } catch (error) {
      blobs.removeAll(as.id);
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async #createActor(
    header: ImageHeader,
    as: NewIdentity,
    received: Received,
    database: string,
  ): Promise<void> {
    const { group, tables, files, fileCommits } = this.#options;
    const history = { now: files.now(), limits: files.settings.history };
    const create: CommitBatch = {
      actorId: as.id,
      epoch: 1,
      version: 1,
      commitId: "restored",
      create: { name: as.name, key: as.key, createdAt: as.createdAt },
      ...(header.wakeAt === undefined ? {} : { wakeAt: header.wakeAt }),
    };
    if (received.hasDatabase) {
      const target = files.pathOf(as.id);
      makeDirectory(dirname(target));
      await rename(database, target);
      const { state, kv } = received;
      await fileCommits.adopt(create, { epoch: 1, version: 1, wakeAt: header.wakeAt, state, kv, calls: [] });
      return;
    }
    const { snapshot, patches } = received.state ?? { snapshot: undefined, patches: [] };
    const kv = received.kv.map((entry) => ({ type: "put", ...entry }) as const);
    const first = snapshot === undefined ? {} : { state: { type: "snapshot", bytes: snapshot } as const };
    await group.run({
      actorId: as.id,
      work: () => {
        applyCommit(tables, { ...create, kv, ...first }, history);
        for (const [index, bytes] of patches.entries()) {
          const { create: _, wakeAt: __, ...next } = create;
          applyCommit(tables, { ...next, version: index + 2, state: { type: "patch", bytes } }, history);
        }
      },
    });
  }
}

/** For an actor without a file of its own. */
function headerOf(record: ActorRecord): ImageHeader {
  const { name, key, createdAt, version, wakeAt } = record;
  return { name, key, createdAt, version, hasDatabase: false, ...(wakeAt === undefined ? {} : { wakeAt }) };
}
