import type { ImageHeader, ImagePart } from "@holdfast/actors";
import { HoldfastError, type Logger } from "@holdfast/core";
import { notFound, useRollbackJournal } from "@holdfast/store-kit";
import { redisStoreLimits as limits } from "../../limits.ts";
import type { ActorData } from "../actor-data.ts";
import { type Blobs, parseBlob } from "../blobs.ts";
import type { Reply } from "../command.ts";
import type { Connections } from "../connection/connections.ts";
import { actorRecord, bytes, integer, list, optionalInteger, text } from "../rows.ts";

const entriesPerPart = 256;

interface Sources {
  readonly ports: { readonly log: Logger };
  readonly connections: Connections;
  readonly prefix: string;
  readonly blobs: Blobs;
  readonly data: ActorData;
}

/** The header of an image, from the fields of its row. */
export function imageHeader(actorId: string, fields: readonly Reply[]): ImageHeader {
  const record = actorRecord(actorId, fields);
  if (record === undefined) throw notFound(actorId);
  const { name, key, createdAt, version, wakeAt } = record;
  const hasDatabase = optionalInteger(fields[11]) !== undefined;
  return { name, key, createdAt, version, hasDatabase, ...(wakeAt === undefined ? {} : { wakeAt }) };
}

/** Reads a copy that the server has made of an actor, and removes it at the end. */
export class ImageReader {
  readonly #sources: Sources;
  readonly #actorId: string;
  readonly #copy: string;
  readonly #fields: readonly Reply[];

  constructor(sources: Sources, actorId: string, copy: string, fields: readonly Reply[]) {
    this.#sources = sources;
    this.#actorId = actorId;
    this.#copy = copy;
    this.#fields = fields;
  }

  async *parts(): AsyncGenerator<ImagePart> {
    try {
      yield* this.#state();
      yield* this.#entries();
      yield* this.#database();
      await this.#assertComplete();
      yield* this.#blobs();
      await this.#assertComplete();
    } finally {
      await this.#remove();
    }
  }

  /** Parts that the server has removed meanwhile would be missing without a trace. */
  async #assertComplete(): Promise<void> {
    const { connections } = this.#sources;
    if (integer(await connections.command("EXISTS", this.#key("mark"))) > 0) return;
    const message = "The copy of the actor was read for too long, and the server has removed it. Begin again";
    throw new HoldfastError("store", "unavailable", message);
  }

  /** The server ends the copy later in any case. */
  async #remove(): Promise<void> {
    const { connections, ports } = this.#sources;
    const keys = ["state", "log", "kv", "kvk", "page", "blob", "mark"].map((kind) => this.#key(kind));
    await connections.command("UNLINK", ...keys).catch((error: unknown) => {
      ports.log.warn("copy of an actor could not be removed yet", { actorId: this.#actorId, error });
    });
  }

  #key(kind: string): string {
    return `${this.#sources.prefix}image:${this.#copy}:${kind}`;
  }

  async *#state(): AsyncGenerator<ImagePart> {
    const from = optionalInteger(this.#fields[12]);
    if (from === undefined) return;
    const { connections } = this.#sources;
    const log = list(await connections.command("ZRANGE", this.#key("log"), from, "+inf", "BYSCORE"));
    for (const [at, entry] of log.entries()) {
      const version = /^\d+/.exec(text(entry))?.[0] ?? "";
      const value = bytes(await connections.command("HGET", this.#key("state"), version));
      yield { type: at === 0 ? "snapshot" : "patch", bytes: value };
    }
  }

  async *#entries(): AsyncGenerator<ImagePart> {
    const image = { image: this.#copy };
    for (let first: Buffer | string = "-"; ; ) {
      const entries = await this.#sources.data.entries(image, first, "+", entriesPerPart);
      const last = entries.at(-1);
      if (last === undefined) return;
      yield { type: "entries", entries };
      first = Buffer.concat([Buffer.from("("), last.key]);
    }
  }

  /** The pages in order form the file. Pages that were never written are zeros. */
  async *#database(): AsyncGenerator<ImagePart> {
    const pages = optionalInteger(this.#fields[11]);
    if (pages === undefined) return;
    const pageSize = integer(this.#fields[10]);
    const perPart = Math.max(1, Math.floor(limits.maxPieceBytes / pageSize));
    for (let from = 0; from < pages; from += perPart) {
      const count = Math.min(perPart, pages - from);
      const numbers = Array.from({ length: count }, (_, at) => from + 1 + at);
      const part = new Uint8Array(count * pageSize);
      for (const page of await this.#sources.data.readPages(this.#key("page"), numbers)) {
        part.set(page.bytes, (page.no - 1 - from) * pageSize);
      }
      if (from === 0) useRollbackJournal(part);
      yield { type: "database", bytes: part };
    }
  }

  async *#blobs(): AsyncGenerator<ImagePart> {
    const { connections, blobs } = this.#sources;
    const stored = list(await connections.command("HGETALL", this.#key("blob")));
    const pairs = Array.from({ length: stored.length / 2 }, (_, at) => ({
      hash: text(stored[2 * at]),
      ...parseBlob(text(stored[2 * at + 1])),
    })).sort((a, b) => (a.hash < b.hash ? -1 : 1));
    for (const { hash, upload, size } of pairs) {
      yield { type: "blob", hash };
      for await (const piece of blobs.bytesOf(this.#actorId, upload, 0, size)) {
        yield { type: "bytes", bytes: piece };
      }
    }
  }
}
