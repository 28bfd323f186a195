import { createHash, type Hash } from "node:crypto";
import type { ActorArchive, ActorRecord, ArchivePart } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";

/** What an archive contains. */
export interface ArchiveSummary {
  /** SHA-256 of all content. Does not depend on how the archive was cut into parts. */
  readonly digest: string;
  readonly log: number;
  readonly entries: number;
  readonly calls: number;
  readonly databases: number;
  readonly objects: number;
  readonly bytes: number;
}

/** Reads an archive to its end; `onCall` gets the key of each call record. */
export async function summaryOf(
  { record, parts }: ActorArchive,
  onCall?: (key: string) => void,
): Promise<ArchiveSummary> {
  const digest = new ArchiveDigest(record);
  for await (const part of parts) {
    digest.add(part);
    if (part.type === "calls" && onCall !== undefined) for (const { key } of part.calls) onCall(key);
  }
  return digest.summary();
}

class ArchiveDigest {
  readonly #hash = createHash("sha256");
  /** Hash of the database or object that is being read. */
  #stream: Hash | undefined;
  readonly #counts = { log: 0, entries: 0, calls: 0, databases: 0, objects: 0, bytes: 0 };

  constructor(record: ActorRecord) {
    const { id, name, key, epoch, version, createdAt, destroyedAt, wakeAt } = record;
    this.#field(JSON.stringify([id, name, encodeKey(key), epoch, version, createdAt]));
    this.#field(JSON.stringify([destroyedAt ?? null, wakeAt ?? null]));
  }

  add(part: ArchivePart): void {
    const counts = this.#counts;
    switch (part.type) {
      case "state":
        counts.log += 1;
        this.#field(`${part.isSnapshot ? "snapshot" : "patch"} ${part.createdAt}`);
        this.#field(part.bytes);
        break;
      case "entries":
        counts.entries += part.entries.length;
        for (const { key, value } of part.entries) {
          this.#field(key);
          this.#field(value);
        }
        break;
      case "calls":
        counts.calls += part.calls.length;
        for (const { key, status, outcome, expiresAt } of part.calls) {
          this.#field(JSON.stringify([key, status, outcome !== undefined, expiresAt]));
          this.#field(outcome ?? "");
        }
        break;
      case "database":
        if (this.#stream === undefined) {
          counts.databases += 1;
          this.#field("database");
        }
        this.#append(part.bytes);
        break;
      case "blob":
        counts.objects += 1;
        this.#endStream();
        this.#field(`object ${part.hash}`);
        break;
      case "bytes":
        this.#append(part.bytes);
    }
  }

  /** The length in front keeps fields apart. */
  #field(value: string | Uint8Array): void {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    const length = Buffer.alloc(8);
    length.writeDoubleBE(bytes.length);
    this.#hash.update(length).update(bytes);
    this.#counts.bytes += bytes.length;
  }

  #append(bytes: Uint8Array): void {
    this.#stream ??= createHash("sha256");
    this.#stream.update(bytes);
    this.#counts.bytes += bytes.length;
  }

  #endStream(): void {
    if (this.#stream === undefined) return;
    this.#hash.update(this.#stream.digest());
    this.#stream = undefined;
  }

  summary(): ArchiveSummary {
    this.#endStream();
    return { digest: this.#hash.digest("hex"), ...this.#counts };
  }
}
