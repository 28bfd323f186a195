import { type BigIntStats, constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Header, type Pack, pack } from "tar-stream";
import type { Exchange } from "../../http/exchange.ts";
import { DirectoryChain, listFlags } from "../paths/directory-chain.ts";
import { escapeName, type PathText } from "../paths/names.ts";
import type { Place } from "../paths/paths.ts";
import { hasCode, lstat, open, readdir, readlink } from "../system.ts";

const chunkBytes = 256 * 1024;

/**
 * Responds with a file or a directory tree as a tar archive, in constant memory. Names are relative to the directory.
 * Links are archived as links and never followed; sockets, pipes and devices are skipped. Bytes of names that are not
 * UTF-8 appear as `%FF`. If a file shrinks while it is read, the connection is destroyed, so that no client takes the
 * archive for complete.
 */
export async function sendTar(exchange: Exchange, place: Place, gzip: boolean): Promise<void> {
  const { request, response, signal } = exchange;
  const stat = await lstat(place.path);
  const base = place.display === "/" ? "root" : (place.display.split("/").at(-1) ?? "root");
  const file = `${escapeName(base)}.tar${gzip ? ".gz" : ""}`;
  response.writeHead(200, {
    "content-type": gzip ? "application/gzip" : "application/x-tar",
    "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file)}`,
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  const archive = pack();
  // Errors of the stream reach its reader and its writer, which both handle them below.
  archive.on("error", () => {});
  const bytes = () => readContent(archive);
  const sending = gzip ? pipeline(bytes, createGzip(), response) : pipeline(bytes, response);
  const sent = sending.catch(() => {
    // The client has gone, or the packing failed, which is told below.
  });
  try {
    const packing = new ArchiveWriter(archive, signal);
    if (stat.isDirectory()) await packing.tree(place.path);
    else await packing.entry(place.path, base, stat);
    archive.finalize();
  } catch (error) {
    response.destroy();
    archive.destroy();
    await sent;
    if (!signal.aborted) throw error;
    return;
  }
  await sent;
}

async function* readContent(archive: Pack): AsyncGenerator<Buffer> {
  for await (const chunk of archive) if (Buffer.isBuffer(chunk)) yield chunk;
}

type EntryHeader = Pick<Header, "name" | "mode" | "mtime"> & Partial<Header>;

function createHeader(name: PathText, stat: BigIntStats): EntryHeader {
  return { mode: Number(stat.mode & 0o7777n), mtime: stat.mtime, name: escapeName(name) };
}

class ArchiveWriter {
  readonly #archive: Pack;
  readonly #signal: AbortSignal;

  constructor(archive: Pack, signal: AbortSignal) {
    this.#archive = archive;
    this.#signal = signal;
  }

  /** Packs everything in the directory at `path`, with names relative to it. */
  async tree(path: PathText): Promise<void> {
    const directories = await DirectoryChain.open(path, listFlags);
    try {
      await this.#directory(directories);
    } finally {
      await directories.close();
    }
  }

  async #directory(directories: DirectoryChain): Promise<void> {
    for (const name of await readdir(directories.currentPath)) {
      this.#signal.throwIfAborted();
      const path = `${directories.currentPath}/${name}`;
      try {
        const stat = await lstat(path);
        if (!stat.isDirectory()) await this.entry(path, directories.relative(name), stat);
        else {
          await directories.inDirectory(name, async () => {
            await this.#empty({ ...createHeader(directories.relative(""), stat), type: "directory" });
            await this.#directory(directories);
          });
        }
      } catch (error) {
        // Skip entries that were removed after the listing.
        if (!hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) throw error;
      }
    }
  }

  /** Packs one entry that is not a directory. */
  async entry(path: PathText, name: PathText, stat: BigIntStats): Promise<void> {
    const header = createHeader(name, stat);
    if (stat.isSymbolicLink()) {
      const linkname = escapeName(await readlink(path));
      await this.#empty({ ...header, type: "symlink", linkname });
    } else if (stat.isFile()) {
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const file = await open(path, flags);
      try {
        await this.#content(file, header);
      } finally {
        await file.close();
      }
    }
  }

  #empty(header: EntryHeader): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#archive.entry(header, (error) => (error ? reject(error) : resolve()));
    });
  }

  async #content(file: FileHandle, header: EntryHeader): Promise<void> {
    const stat = await file.stat();
    if (!stat.isFile()) return;
    const { size } = stat;
    const done = Promise.withResolvers<void>();
    // The pipe to the client fails with the same error and is awaited below.
    done.promise.catch(() => {});
    const sink = this.#archive.entry({ ...header, type: "file", size }, (error) =>
      error ? done.reject(error) : done.resolve(),
    );
    sink.on("error", (error) => done.reject(error));
    for (let at = 0; at < size; ) {
      this.#signal.throwIfAborted();
      // The stream retains chunks, so each one needs its own buffer.
      const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, size - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Error("a file shrank while it was archived");
      at += bytesRead;
      if (!sink.write(buffer.subarray(0, bytesRead))) await waitForDrain(sink, this.#signal);
    }
    sink.end(null);
    await done.promise;
  }
}

function waitForDrain(sink: ReturnType<Pack["entry"]>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      sink.off("drain", drain);
      sink.off("close", close);
      signal.removeEventListener("abort", close);
      if (error) reject(error);
      else resolve();
    };
    const drain = () => settle();
    const close = () => settle(new Error("the archive was given up"));
    if (sink.destroyed || signal.aborted) {
      close();
      return;
    }
    sink.once("drain", drain);
    sink.once("close", close);
    signal.addEventListener("abort", close, { once: true });
  });
}
