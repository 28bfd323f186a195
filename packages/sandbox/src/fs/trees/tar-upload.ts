/** Operations on directory trees: tar in both directions, diffs, watches. */
import { constants } from "node:fs";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { isHoldfastError } from "@holdfast/core";
import { type Extract, extract, type Header } from "tar-stream";
import type { Exchange } from "../../http/exchange.ts";
import { invalid, isRecord } from "../../http/problem.ts";
import { operationFailed } from "../failures.ts";
import { withDirectory } from "../paths/directory.ts";
import { decodeName, type PathText, toDisplay } from "../paths/names.ts";
import type { Paths, Place } from "../paths/paths.ts";
import {
  hasCode,
  link,
  lstat,
  lstatIfExists,
  mkdir,
  open,
  readlink,
  rename,
  symlink,
  unlink,
} from "../system.ts";
import { temporaryName, writeAll } from "../write.ts";

/** Maximum number of paths listed in the response. All entries are extracted. */
const maxReportedPaths = 1_024;

/** PATH_MAX of Linux. The archive format would allow megabytes. */
const maxNameBytes = 4_096;

/** Limits for decompression bombs: beyond `freeBytes` an archive may unpack to at most `maxRatio` times its size. */
export const unpackedLimits = { freeBytes: 16 * 1_048_576, maxRatio: 200 } as const;

/** Options that the library's type declarations lack. */
interface FormatOptions {
  /** Decodes names to one character per byte. */
  readonly filenameEncoding: "latin1";
  /** Accepts headers of the format before ustar, which have no magic and are recognized by their checksum. */
  readonly allowUnknownFormat: true;
}

const extractOptions: Parameters<typeof extract>[0] & FormatOptions = {
  filenameEncoding: "latin1",
  allowUnknownFormat: true,
};

/** An entry of an archive: a stream of its content, with its header. */
type Entry = Extract extends AsyncIterable<infer T> ? T : never;

export interface UploadResult {
  readonly paths: readonly string[];
  readonly truncated: boolean;
}

/**
 * Extracts the tar archive in a request body to a directory, which is created. No entry can land outside of it:
 * absolute names, names with "..", devices and pipes are rejected (400), and neither links of the archive nor links on
 * disk are followed out of it. Each file appears atomically. Files extracted before an error remain. Throws
 * `stream_error` for an incomplete or invalid archive.
 */
export async function receiveTar(
  exchange: Exchange,
  paths: Paths,
  destination: Place,
  maxBytes: number,
): Promise<UploadResult> {
  const decoder = decoderFor(exchange);
  await mkdir(destination.path).catch((error: unknown) => {
    if (!hasCode(error, "EEXIST")) throw error;
  });
  return await withDirectory(destination.path, async (directory) => {
    const sent = { bytes: 0 };
    const unpacking = new Extraction(paths, directory, destination.display, sent);
    const archive = extract(extractOptions);
    const limited = limitedBody(exchange, maxBytes, sent);
    const unpacked = (source: AsyncIterable<Buffer>) => limitRatio(source, sent);
    const feeding = decoder ? pipeline(limited, decoder, unpacked, archive) : pipeline(limited, archive);
    // The feeding pipeline and the loop below destroy each other on an error; both are awaited.
    const fed = feeding.catch((error: unknown) => error);
    try {
      for await (const entry of archive) await unpacking.add(entry);
    } catch (error) {
      const cause = await fed;
      // A limit also makes the current entry fail, with a less helpful error.
      throw toUploadError(isHoldfastError(cause) ? cause : (unpacking.failure ?? cause ?? error));
    }
    const cause = await fed;
    if (cause !== undefined && unpacking.failure === undefined) throw toUploadError(cause);
    return unpacking.result();
  });
}

/** Converts a failure to an error for the caller. An invalid archive is not a system error. */
function toUploadError(error: unknown): unknown {
  if (isHoldfastError(error)) return error;
  if (hasCode(error, "ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "ABORT_ERR")) {
    return invalid("the request body ended early");
  }
  if (error instanceof Error && "syscall" in error) return error;
  return operationFailed(
    `not a tar archive: ${error instanceof Error ? error.message : "it cannot be read"}`,
  );
}

function decoderFor(exchange: Exchange): Transform | undefined {
  const header = exchange.request.headers["content-type"] ?? "";
  const type = (header.split(";", 1)[0] ?? "").trim().toLowerCase();
  if (type === "application/x-tar") return undefined;
  if (type === "application/gzip" || type === "application/x-gzip") return createGunzip();
  if (type === "application/zstd") return createZstdDecompress();
  throw invalid("the content type must be application/x-tar, application/gzip or application/zstd");
}

/** Rejects decompression bombs. */
async function* limitRatio(
  source: AsyncIterable<Buffer>,
  sent: { readonly bytes: number },
): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const bytes of source) {
    size += bytes.length;
    assertRatio(size, sent);
    yield bytes;
  }
}

function assertRatio(size: number, sent: { readonly bytes: number }): void {
  const { freeBytes, maxRatio } = unpackedLimits;
  if (size > freeBytes && size > maxRatio * sent.bytes)
    throw invalid(`the archive unpacks to more than ${maxRatio} times its size`, 413);
}

async function* limitedBody(
  exchange: Exchange,
  maxBytes: number,
  sent: { bytes: number },
): AsyncGenerator<Buffer> {
  for await (const chunk of exchange.request) {
    const bytes: Buffer = chunk;
    sent.bytes += bytes.length;
    const size = sent.bytes;
    if (maxBytes > 0 && size > maxBytes) throw invalid(`the archive exceeds ${maxBytes} bytes`, 413);
    yield bytes;
  }
}

/** State of one extraction. */
class Extraction {
  readonly #paths: Paths;
  readonly #directory: PathText;
  readonly #display: PathText;
  readonly #made: string[] = [];
  readonly #sent: { readonly bytes: number };
  #count = 0;
  /** Bytes of files that were copied instead of hard-linked. */
  #copied = 0;
  /** Error of the first rejected entry. It is stored because the stream replaces it with its own. */
  failure: unknown;

  constructor(paths: Paths, directory: PathText, display: PathText, sent: { readonly bytes: number }) {
    this.#sent = sent;
    this.#paths = paths;
    this.#directory = directory;
    this.#display = display;
  }

  result(): UploadResult {
    return { paths: this.#made, truncated: this.#count > this.#made.length };
  }

  async add(entry: Entry): Promise<void> {
    try {
      await this.#add(entry);
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  async #add(entry: Entry): Promise<void> {
    const { header } = entry;
    if (isSparse(header)) throw invalid("the archive has a file with holes (tar --sparse)");
    const name = readName(header, "name");
    // Longer paths are rejected, because each of their directories would be created and held open.
    if (Buffer.byteLength(name) > maxNameBytes || Buffer.byteLength(header.linkname ?? "") > maxNameBytes) {
      throw invalid(`a name in the archive exceeds ${maxNameBytes} bytes`);
    }
    if (name.replaceAll(/[./]/g, "") === "" && !name.includes("..")) {
      entry.resume();
      if (name.startsWith("/")) throw invalid('invalid relative path "/"');
      return;
    }
    const place = await this.#paths.walkBelow(this.#directory, name, { follow: false, makeParents: true });
    try {
      await this.#make(entry, place);
    } finally {
      await place.close();
    }
    this.#count += 1;
    const relative = name.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
    if (this.#made.length < maxReportedPaths)
      this.#made.push(toDisplay(`${this.#display.replace(/\/$/, "")}/${relative}`).path);
  }

  async #make(entry: Entry, place: Place): Promise<void> {
    const { header } = entry;
    switch (header.type) {
      case "file":
      case "contiguous-file":
        await writeEntry(entry, place);
        return;
      case "directory":
        await makeDirectory(place);
        break;
      case "symlink":
        await replaceWith(place, (path) => symlink(readName(header, "linkname"), path));
        break;
      case "link": {
        const target = readName(header, "linkname");
        const source = await this.#paths.walkBelow(this.#directory, target, { follow: false });
        try {
          await replaceWith(place, (path) => this.#linkOrCopy(source.path, path));
        } finally {
          await source.close();
        }
        break;
      }
      default:
        throw invalid(`the archive has an entry of the type ${header.type ?? "unknown"}`);
    }
    entry.resume();
  }

  /** Creates a hard link, or a copy on file systems without hard links (FAT, many FUSE and network file systems). */
  async #linkOrCopy(existing: PathText, path: PathText): Promise<void> {
    try {
      await link(existing, path);
    } catch (error) {
      if (!hasCode(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK")) throw error;
      await copy(existing, path, (size) => {
        this.#copied += size;
        assertRatio(this.#copied, this.#sent);
      });
    }
  }
}

/** Names in ustar headers are bytes, and names in extended headers are UTF-8. */
function readName(header: Header, field: "name" | "linkname"): PathText {
  const text = header[field] ?? "";
  const inExtended = readExtendedHeader(header)[field === "name" ? "path" : "linkpath"] === text;
  return inExtended ? text : decodeName(Buffer.from(text, "latin1"));
}

/**
 * Whether an entry is a sparse file, of which the archive has only the parts between the holes. In pax archives it
 * looks like a regular file with a generated name, whose content starts with a map of the parts; the older format has
 * an entry type of its own. Source: the manual of GNU tar, "Storing Sparse Files".
 */
function isSparse(header: Header): boolean {
  return Object.keys(readExtendedHeader(header)).some((name) => name.startsWith("GNU.sparse."));
}

/** The extended (pax) header of an entry, which the library's type declarations lack. */
function readExtendedHeader(header: Header): Readonly<Record<string, unknown>> {
  const extended: unknown = Reflect.get(header, "pax");
  return isRecord(extended) ? extended : {};
}

async function writeEntry(entry: Entry, place: Place): Promise<void> {
  const { mode = 0o644, mtime } = entry.header;
  if ((await lstatIfExists(place.path))?.isDirectory()) throw operationFailed(`${place.name} is a directory`);
  const temporary = place.sibling(temporaryName());
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(temporary, flags, 0o600);
  try {
    try {
      for await (const chunk of entry) {
        if (!Buffer.isBuffer(chunk)) throw new TypeError("the content of an entry comes in buffers");
        await writeAll(file, chunk);
      }
      // Drop set-user-ID, set-group-ID and sticky bits.
      await file.chmod(mode & 0o777);
      if (mtime) await file.utimes(mtime, mtime);
    } finally {
      await file.close();
    }
    await rename(temporary, place.path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
}

async function makeDirectory(place: Place): Promise<void> {
  try {
    await mkdir(place.path);
  } catch (error) {
    if (!hasCode(error, "EEXIST") || !(await lstat(place.path)).isDirectory()) throw error;
  }
}

/** Creates a link under a temporary name and renames it, which replaces an existing file atomically. */
async function replaceWith(place: Place, make: (path: PathText) => Promise<void>): Promise<void> {
  if ((await lstatIfExists(place.path))?.isDirectory()) throw operationFailed(`${place.name} is a directory`);
  const temporary = place.sibling(temporaryName());
  await make(temporary);
  try {
    await rename(temporary, place.path);
  } finally {
    // rename(2) between two links to one file does nothing and leaves both names.
    if (await lstatIfExists(temporary)) await unlink(temporary);
  }
}

/** Copies a file, for file systems without hard links. `room` throws if the size exceeds the limits. */
async function copy(existing: PathText, path: PathText, room: (size: number) => void): Promise<void> {
  if ((await lstat(existing)).isSymbolicLink()) {
    await symlink(await readlink(existing), path);
    return;
  }
  const source = await open(existing, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await source.stat();
    if (!stat.isFile()) throw operationFailed("the target of a link in the archive is no file");
    room(stat.size);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const target = await open(path, flags, 0o600);
    try {
      for await (const chunk of source.createReadStream({ autoClose: false })) await writeAll(target, chunk);
      await target.chmod(stat.mode & 0o777);
      await target.utimes(stat.atime, stat.mtime);
    } catch (error) {
      await unlink(path);
      throw error;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
