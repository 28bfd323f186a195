import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type ActorImage,
  type ImagePart,
  invalidImport,
  type KvEntry,
  type NewIdentity,
} from "@holdfast/actors";
import { postgresStoreLimits } from "../../limits.ts";
import type { Blobs } from "../blobs/blobs.ts";
import { inPieces } from "../blobs/pieces.ts";
import type { ChangedPages, TurnStatements } from "../commit/statements.ts";
import type { Statement } from "../connection/transaction-query.ts";

export interface RestoreOptions {
  readonly statements: TurnStatements;
  readonly schema: string;
  readonly blobs: Blobs;
  readonly shard: number;
  readonly now: number;
  /** Directory for the image's database while it is checked. */
  readonly scratch: string;
  readonly run: (statement: Statement) => Promise<unknown>;
}

/** Writes an image as a new actor into the open transaction. The caller commits. */
export class Restore {
  readonly #options: RestoreOptions;
  readonly #as: NewIdentity;
  readonly #image: ActorImage;
  readonly #file: string;
  /** Uploads to settle when the transaction has ended. */
  readonly uploads: string[] = [];
  #version = 1;
  #hasSnapshot = false;
  #hasDatabase = false;

  constructor(image: ActorImage, as: NewIdentity, options: RestoreOptions) {
    this.#options = options;
    this.#as = as;
    this.#image = image;
    this.#file = join(options.scratch, `${randomUUID()}.db`);
  }

  /** Throws `store.invalid_import` for a damaged image. Resolves to the commit id of the actor's row. */
  async run(parts: AsyncIterable<ImagePart>): Promise<string> {
    const { header } = this.#image;
    const { id, name, key, createdAt } = this.#as;
    const commitId = `restored-${randomUUID()}`;
    await this.#turn({
      ...{ actorId: id, epoch: 1, version: 1, commitId, create: { name, key, createdAt } },
      ...(header.wakeAt === undefined ? {} : { wakeAt: header.wakeAt }),
    });
    try {
      await this.#read(parts[Symbol.asyncIterator]());
      if (this.#hasDatabase) await this.#database();
    } finally {
      await rm(this.#file, { force: true });
    }
    return commitId;
  }

  async #read(parts: AsyncIterator<ImagePart>): Promise<void> {
    let next = await parts.next();
    const following = async function* (type: "database" | "bytes"): AsyncGenerator<Uint8Array> {
      while (next.done !== true && next.value.type === type) {
        yield next.value.bytes;
        next = await parts.next();
      }
    };
    while (next.done !== true) {
      const part = next.value;
      switch (part.type) {
        case "snapshot":
        case "patch":
          await this.#state(part.type, part.bytes);
          next = await parts.next();
          break;
        case "entries":
          await this.#entries(part.entries);
          next = await parts.next();
          break;
        case "database":
          if (this.#hasDatabase) throw invalidImport("The image has two databases");
          this.#hasDatabase = true;
          await this.#receive(following("database"));
          break;
        case "blob":
          next = await parts.next();
          await this.#blob(part.hash, following("bytes"));
          break;
        case "bytes":
          throw invalidImport("The image has bytes without an object");
      }
    }
  }

  async #state(type: "snapshot" | "patch", bytes: Uint8Array): Promise<void> {
    if (type === "patch" && !this.#hasSnapshot) {
      throw invalidImport("The image has a patch before its first snapshot");
    }
    this.#hasSnapshot = true;
    await this.#next({ state: { type, bytes } });
  }

  #entries(entries: readonly KvEntry[]): Promise<void> {
    return this.#next({ kv: entries.map((entry) => ({ type: "put", ...entry }) as const) });
  }

  /** Each part is a turn of the new actor, all in one transaction. */
  #next(changes: Partial<Parameters<TurnStatements["turn"]>[1]>, pages?: ChangedPages): Promise<void> {
    this.#version += 1;
    const turn = { actorId: this.#as.id, epoch: 1, version: this.#version, commitId: randomUUID() };
    return this.#turn({ ...turn, ...changes }, pages);
  }

  async #turn(batch: Parameters<TurnStatements["turn"]>[1], pages?: ChangedPages): Promise<void> {
    const { statements, shard, now, run } = this.#options;
    for (const statement of statements.turn(shard, batch, now, pages)) await run(statement);
  }

  async #receive(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    await mkdir(this.#options.scratch, { recursive: true, mode: 0o700 });
    const file = await open(this.#file, "wx", 0o600);
    try {
      for await (const piece of pieces) await file.appendFile(piece);
    } finally {
      await file.close();
    }
  }

  async #database(): Promise<void> {
    const { pageSize, pages } = checkDatabase(this.#file);
    let no = 1;
    // A piece is a whole number of pages: both are powers of two.
    for await (const block of inPieces(createReadStream(this.#file))) {
      const changed = [];
      for (let at = 0; at < block.length; at += pageSize) {
        changed.push({ no, bytes: block.subarray(at, at + pageSize) });
        no += 1;
      }
      await this.#next({}, { pageSize, pages, hasShrunk: false, changed });
    }
  }

  /** The bytes are stored outside of the transaction, the object that refers to them in it. */
  async #blob(hash: string, source: AsyncIterable<Uint8Array>): Promise<void> {
    const { blobs, run } = this.#options;
    const upload = await blobs.upload(this.#as.id, source, postgresStoreLimits.maxBlobBytes);
    this.uploads.push(upload.id);
    if (upload.hash !== hash) throw invalidImport("A blob of the image is damaged");
    await run(blobs.objectOf(this.#as.id, upload));
  }
}

function checkDatabase(path: string): { readonly pageSize: number; readonly pages: number } {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    const result = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    const own = database
      .prepare("SELECT 1 FROM sqlite_schema WHERE substr(name, 1, 10) = '_holdfast_'")
      .get();
    const pageSize = Number(database.prepare("PRAGMA page_size").get()?.["page_size"]);
    const pages = Number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
    if (result === "ok" && own === undefined) return { pageSize, pages };
  } catch (cause) {
    throw invalidImport("The database is damaged", cause);
  } finally {
    database?.close();
  }
  throw invalidImport("The database is damaged");
}
