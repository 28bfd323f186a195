import type { ArchivePart, ImagePart } from "@holdfast/actors";
import { useRollbackJournal } from "@holdfast/store-kit";
import { redisStoreLimits as limits } from "../../limits.ts";
import type { ActorData } from "../actor-data.ts";
import { type Blobs, parseBlob } from "../blobs.ts";
import type { Reply } from "../command.ts";
import type { Connections } from "../connection/connections.ts";
import { integer, list, optionalInteger, text } from "../rows.ts";

const entriesPerPart = 256;

/** A part that images and archives have in common. */
type SharedPart = ImagePart & ArchivePart;

export interface ContentSources {
  readonly connections: Connections;
  readonly prefix: string;
  readonly blobs: Blobs;
  readonly data: ActorData;
}

/** Reads the content of an actor that nothing changes, or of the copy that the server has made of one. */
export class ContentReader {
  readonly #sources: ContentSources;
  readonly #actorId: string;
  readonly #of: string | { readonly image: string };

  constructor(sources: ContentSources, actorId: string, of: string | { readonly image: string } = actorId) {
    this.#sources = sources;
    this.#actorId = actorId;
    this.#of = of;
  }

  /** The key that has the content of one kind. */
  key(kind: string): string {
    const { prefix } = this.#sources;
    return typeof this.#of === "string"
      ? `${prefix}${kind}:${this.#of}`
      : `${prefix}image:${this.#of.image}:${kind}`;
  }

  async *entries(): AsyncGenerator<SharedPart> {
    for (let first: Buffer | string = "-"; ; ) {
      const entries = await this.#sources.data.entries(this.#of, first, "+", entriesPerPart);
      const last = entries.at(-1);
      if (last === undefined) return;
      yield { type: "entries", entries };
      first = Buffer.concat([Buffer.from("("), last.key]);
    }
  }

  /** The fields are those of the row. The pages in order form the file. Pages that were never written are zeros. */
  async *database(
    pageSizeField: Reply | undefined,
    pagesField: Reply | undefined,
  ): AsyncGenerator<SharedPart> {
    const pages = optionalInteger(pagesField);
    if (pages === undefined) return;
    const pageSize = integer(pageSizeField);
    const perPart = Math.max(1, Math.floor(limits.maxPieceBytes / pageSize));
    for (let from = 0; from < pages; from += perPart) {
      const count = Math.min(perPart, pages - from);
      const numbers = Array.from({ length: count }, (_, at) => from + 1 + at);
      const part = new Uint8Array(count * pageSize);
      for (const page of await this.#sources.data.readPages(this.key("page"), numbers)) {
        part.set(page.bytes, (page.no - 1 - from) * pageSize);
      }
      if (from === 0) useRollbackJournal(part);
      yield { type: "database", bytes: part };
    }
  }

  async *blobs(): AsyncGenerator<SharedPart> {
    const { connections, blobs } = this.#sources;
    const stored = list(await connections.command("HGETALL", this.key("blob")));
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
