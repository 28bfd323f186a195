import { randomUUID } from "node:crypto";
import { type ActorImage, type ImagePart, invalidImport, type NewIdentity } from "@holdfast/actors";
import { type ChangedPages, type ImageSink, readImage } from "@holdfast/store-kit";
import { postgresStoreLimits } from "../../limits.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { TurnStatements } from "../commit/statements.ts";
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
  /** Uploads to settle when the transaction has ended. */
  readonly uploads: string[] = [];
  #version = 1;

  constructor(image: ActorImage, as: NewIdentity, options: RestoreOptions) {
    this.#options = options;
    this.#as = as;
    this.#image = image;
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
    const sink: ImageSink = {
      state: (type, bytes) => this.#next({ state: { type, bytes } }),
      entries: (entries) => this.#next({ kv: entries.map((entry) => ({ type: "put", ...entry }) as const) }),
      pages: (pages) => this.#next({}, pages),
      blob: (hash, source) => this.#blob(hash, source),
    };
    await readImage(parts, sink, this.#options.scratch);
    return commitId;
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

  /** The bytes are stored outside of the transaction, the object that refers to them in it. */
  async #blob(hash: string, source: AsyncIterable<Uint8Array>): Promise<void> {
    const { blobs, run } = this.#options;
    const upload = await blobs.upload(this.#as.id, source, postgresStoreLimits.maxBlobBytes);
    this.uploads.push(upload.id);
    if (upload.hash !== hash) throw invalidImport("A blob of the image is damaged");
    await run(blobs.objectOf(this.#as.id, upload));
  }
}
