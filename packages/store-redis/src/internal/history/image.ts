import type { ImageHeader, ImagePart } from "@holdfast/actors";
import { HoldfastError, type Logger } from "@holdfast/core";
import { notFound } from "@holdfast/store-kit";
import type { Reply } from "../command.ts";
import { actorRecord, bytes, integer, list, optionalInteger, text } from "../rows.ts";
import { ContentReader, type ContentSources } from "./content.ts";

interface Sources extends ContentSources {
  readonly ports: { readonly log: Logger };
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
  readonly #content: ContentReader;

  constructor(sources: Sources, actorId: string, copy: string, fields: readonly Reply[]) {
    this.#sources = sources;
    this.#actorId = actorId;
    this.#copy = copy;
    this.#fields = fields;
    this.#content = new ContentReader(sources, actorId, { image: copy });
  }

  async *parts(): AsyncGenerator<ImagePart> {
    try {
      yield* this.#state();
      yield* this.#content.entries();
      yield* this.#content.database(this.#fields[10], this.#fields[11]);
      await this.#assertComplete();
      yield* this.#content.blobs();
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
}
