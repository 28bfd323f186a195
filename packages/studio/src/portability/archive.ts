/** Export and import of an organization: the archive, what is in it, and how it becomes a new organization. */
import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { HoldfastError } from "@holdfast/core";
import { extract, type Pack, pack } from "tar-stream";
import { studioLimits } from "../limits.ts";

/** One JSON document of the archive. */
export interface ArchiveEntry {
  readonly name: string;
  readonly value: unknown;
}

/** The last entry: how many there were before, and the SHA-256 of their names and contents. */
interface ArchiveEnd {
  readonly entries: number;
  readonly sha256: string;
}

const endName = "end.json";

/** Writes entries as a tar archive, compressed with gzip, as fast as it is read. */
export function packArchive(entries: AsyncIterable<ArchiveEntry>): Readable {
  const archive = pack();
  // Reported to whoever reads.
  archive.on("error", () => {});
  void writeAll(archive, entries).catch((error: unknown) => archive.destroy(error as Error));
  const zipped = createGzip();
  pipeline(archive as unknown as Readable, zipped).catch((error: unknown) => zipped.destroy(error as Error));
  return zipped;
}

async function writeAll(archive: Pack, entries: AsyncIterable<ArchiveEntry>): Promise<void> {
  const sum = createHash("sha256");
  let count = 0;
  for await (const { name, value } of entries) {
    const body = Buffer.from(JSON.stringify(value));
    addTo(sum, name, body);
    count += 1;
    await write(archive, name, body);
  }
  const end: ArchiveEnd = { entries: count, sha256: sum.digest("hex") };
  await write(archive, endName, Buffer.from(JSON.stringify(end)));
  archive.finalize();
}

function write(archive: Pack, name: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const header = { name, size: body.length, mode: 0o600, mtime: new Date(0) };
    const entry = archive.entry(header, (error) => (error ? reject(error) : resolve()));
    entry.end(body);
  });
}

function addTo(sum: Hash, name: string, body: Buffer): void {
  sum.update(`${name}\n${body.length}\n`).update(body);
}

/**
 * Reads the entries of an archive, one at a time. Whoever takes one does nothing for good before the last: only then it is
 * known that none is damaged or missing. Throws `organization.invalid_archive`.
 */
export async function* readArchive(source: Readable): AsyncGenerator<ArchiveEntry> {
  const archive = extract();
  const unpacked = createGunzip();
  // Whoever sends it still reads the answer when it is refused.
  const bytes = Readable.from(source.iterator({ destroyOnReturn: false }), { objectMode: false });
  const flow = pipeline(bytes, unpacked, archive as unknown as NodeJS.WritableStream).catch(
    (error: unknown) => {
      archive.destroy(error as Error);
    },
  );
  const sum = createHash("sha256");
  let [count, total] = [0, 0];
  let end: ArchiveEnd | undefined;
  try {
    for await (const entry of archive) {
      const { name } = entry.header;
      const body = await contentOf(entry as unknown as AsyncIterable<Buffer>);
      total += body.length;
      if (total > studioLimits.maxArchiveBytes) throw invalidArchive("it is too large");
      if (end !== undefined) throw invalidArchive("something follows its end");
      const value = parse(name, body);
      if (name === endName) {
        end = value as ArchiveEnd;
        continue;
      }
      addTo(sum, name, body);
      count += 1;
      yield { name, value };
    }
  } catch (error) {
    throw error instanceof HoldfastError ? error : invalidArchive("it cannot be read");
  } finally {
    archive.destroy();
    await flow;
  }
  if (end === undefined) throw invalidArchive("its end is missing");
  if (end.entries !== count || end.sha256 !== sum.digest("hex"))
    throw invalidArchive("its contents are not those that were exported");
}

async function contentOf(entry: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of entry) {
    bytes += chunk.length;
    if (bytes > studioLimits.maxArchiveEntryBytes) throw invalidArchive("a part of it is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(name: string, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw invalidArchive(`${JSON.stringify(name.slice(0, 100))} is not JSON`);
  }
}

export function invalidArchive(reason: string): HoldfastError {
  const message = `This is no archive of an organization that can be imported: ${reason}. Export it again.`;
  return new HoldfastError("organization", "invalid_archive", message, { statusCode: 400 });
}
