import type { ActorArchive, ActorRecord } from "@holdfast/actors";
import type { ArchiveSummary, ExpectedCalls, MigrationTarget } from "@holdfast/store-kit";
import type { ShardRanges } from "../routing/shard-ranges.ts";
import { keyHash } from "../shards.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import type { MigrationMark } from "./mark.ts";
import type { StoredActors } from "./stored-actors.ts";

/** What a migration uses of one database. */
export interface MigrationDatabase {
  readonly stored: StoredActors;
  readonly writer: ArchiveWriter;
  readonly mark: MigrationMark;
}

/** The databases that a migration fills, each with the actors of its shards. */
export class MigrationDatabases implements MigrationTarget {
  readonly #all: readonly MigrationDatabase[];
  readonly #ranges: ShardRanges;

  constructor(all: readonly MigrationDatabase[], ranges: ShardRanges) {
    this.#all = all;
    this.#ranges = ranges;
  }

  /** As `MigrationMark.read`, of all: 0 unless all say the same. */
  async state(): Promise<number | undefined> {
    const states: (number | undefined)[] = [];
    for (const { mark } of this.#all) states.push(await mark.read());
    return states.every((state) => state === states[0]) ? states[0] : 0;
  }

  async begin(): Promise<void> {
    for (const { mark } of this.#all) if ((await mark.read()) === undefined) await mark.begin();
  }

  async finish(fingerprint: number): Promise<void> {
    for (const { mark } of this.#all) await mark.finish(fingerprint);
  }

  /** The stored records of these actors, as far as they exist, by id. */
  async records(wanted: readonly ActorRecord[]): Promise<ReadonlyMap<string, ActorRecord>> {
    const found = await Promise.all(
      this.#all.map((database) =>
        database.stored.records(wanted.filter((record) => this.#of(record) === database)),
      ),
    );
    return new Map(found.flatMap((records) => [...records]));
  }

  async count(): Promise<{ readonly existing: number; readonly destroyed: number }> {
    const total = { existing: 0, destroyed: 0 };
    for (const { stored } of this.#all) {
      const { existing, destroyed } = await stored.count();
      total.existing += existing;
      total.destroyed += destroyed;
    }
    return total;
  }

  summary(record: ActorRecord, { now }: ExpectedCalls): Promise<ArchiveSummary | undefined> {
    return this.#of(record).stored.summary(record.id, now);
  }

  get isFlushed(): boolean {
    return this.#all.every(({ writer }) => writer.isFlushed);
  }

  write(archive: ActorArchive): Promise<void> {
    return this.#of(archive.record).writer.write(archive);
  }

  async flush(): Promise<void> {
    for (const { writer } of this.#all) await writer.flush();
  }

  #of({ name, key }: ActorRecord): MigrationDatabase {
    const database = this.#all[this.#ranges.ofHash(keyHash(name, key).readUInt16BE(0))];
    if (database === undefined) throw new Error("An actor has no database");
    return database;
  }
}
