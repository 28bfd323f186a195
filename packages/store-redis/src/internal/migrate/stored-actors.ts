import type { ActorArchive, ActorRecord, ArchivePart, CallRecord } from "@holdfast/actors";
import { type ArchiveSummary, type ExpectedCalls, summaryOf } from "@holdfast/store-kit";
import type { Reply } from "../command.ts";
import { ContentReader, type ContentSources } from "../history/content.ts";
import { actorRecord, bytes, callRecord, list, text } from "../rows.ts";
import { archiveRowScript } from "../scripts/archive.ts";
import { callKey } from "./archive-writer.ts";
import { keysLike } from "./mark.ts";

/** Call records in one read, as sources give them. */
const callsPerPart = 256;

/** Reads what a migration has written. */
export class StoredActors {
  readonly #sources: ContentSources;

  constructor(sources: ContentSources) {
    this.#sources = sources;
  }

  /** The stored records of these actors, as far as they exist, by id. */
  async records(wanted: readonly ActorRecord[]): Promise<ReadonlyMap<string, ActorRecord>> {
    const found = await Promise.all(wanted.map(({ id }) => this.#row(id)));
    return new Map(found.flatMap(({ record }) => (record === undefined ? [] : [[record.id, record]])));
  }

  async count(): Promise<{ readonly existing: number; readonly destroyed: number }> {
    const { connections, prefix } = this.#sources;
    const existing = Number(await connections.command("ZCARD", `${prefix}ids`));
    const rows = new Set<string>();
    for await (const keys of keysLike(connections, prefix, "actor:*")) for (const key of keys) rows.add(key);
    return { existing, destroyed: rows.size - existing };
  }

  /** Reads an actor to its end; undefined if it does not exist. */
  async summary(id: string, calls: ExpectedCalls): Promise<ArchiveSummary | undefined> {
    const { record, fields } = await this.#row(id);
    if (record === undefined) return undefined;
    const archive: ActorArchive = { record, parts: this.#parts(id, fields, calls) };
    return summaryOf(archive);
  }

  async #row(
    id: string,
  ): Promise<{ readonly record: ActorRecord | undefined; readonly fields: readonly Reply[] }> {
    const { connections, prefix } = this.#sources;
    const fields = list(await connections.run(archiveRowScript, prefix, id));
    return { record: actorRecord(id, fields), fields };
  }

  async *#parts(id: string, fields: readonly Reply[], calls: ExpectedCalls): AsyncGenerator<ArchivePart> {
    const content = new ContentReader(this.#sources, id);
    yield* this.#log(content);
    yield* content.entries();
    yield* this.#calls(id, calls);
    yield* content.database(fields[8], fields[9]);
    yield* content.blobs();
  }

  async *#log(content: ContentReader): AsyncGenerator<ArchivePart> {
    const { connections } = this.#sources;
    for (const entry of list(await connections.command("ZRANGE", content.key("log"), 0, -1))) {
      const [version = "", kind, at] = text(entry).split(":");
      const value = bytes(await connections.command("HGET", content.key("state"), version));
      yield { type: "state", isSnapshot: kind === "s", createdAt: Number(at), bytes: value };
    }
  }

  /** The server has no list of them. */
  async *#calls(id: string, { now, keys }: ExpectedCalls): AsyncGenerator<ArchivePart> {
    const { connections, prefix } = this.#sources;
    for (let from = 0; from < keys.length; from += callsPerPart) {
      const some = keys.slice(from, from + callsPerPart);
      const values = list(
        await connections.command("MGET", ...some.map((key) => callKey(prefix, id, Buffer.from(key)))),
      );
      const calls = some.flatMap((key, at): readonly CallRecord[] => {
        const value = values[at];
        const call = value === null || value === undefined ? undefined : callRecord(key, bytes(value));
        return call === undefined || call.expiresAt <= now ? [] : [call];
      });
      yield { type: "calls", calls };
    }
  }
}
