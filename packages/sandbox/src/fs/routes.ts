import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { basename } from "node:path";
import { isHoldfastError } from "@holdfast/core";
import { booleanQuery, type Exchange, requiredQuery, sendJson } from "../http/exchange.ts";
import { invalid, problem } from "../http/problem.ts";
import type { Handler, Route } from "../http/router.ts";
import type { SandboxLimits } from "../limits.ts";
import { remove, withDirectory } from "./directory.ts";
import type { Paths, Place, WalkOptions } from "./paths.ts";

/** `/v1/fs`: files of any size in constant memory, written to a temporary file and renamed. */
export class FsRoutes {
  readonly #paths: Paths;
  readonly #limits: SandboxLimits;

  constructor(paths: Paths, limits: SandboxLimits) {
    this.#paths = paths;
    this.#limits = limits;
  }

  routes(): readonly Route[] {
    const guarded = (handler: Handler): Handler => {
      return async (exchange) => {
        try {
          await handler(exchange);
        } catch (error) {
          throw translate(error);
        }
      };
    };
    return [
      { path: "/v1/fs/entries", methods: { GET: guarded((exchange) => this.#entries(exchange)) } },
      {
        path: "/v1/fs/file",
        methods: {
          GET: guarded((exchange) => this.#read(exchange)),
          PUT: guarded((exchange) => this.#write(exchange)),
        },
      },
      { path: "/v1/fs/stat", methods: { GET: guarded((exchange) => this.#stat(exchange)) } },
      { path: "/v1/fs/mkdir", methods: { POST: guarded((exchange) => this.#mkdir(exchange)) } },
      { path: "/v1/fs/entry", methods: { DELETE: guarded((exchange) => this.#delete(exchange)) } },
    ];
  }

  async #at<T>(path: string, options: WalkOptions, use: (place: Place) => Promise<T>): Promise<T> {
    const place = await this.#paths.walk(path, options);
    try {
      return await use(place);
    } finally {
      await place.close();
    }
  }

  async #entries(exchange: Exchange): Promise<void> {
    const path = exchange.query.get("path") ?? this.#paths.home;
    const entries = await this.#at(path, { follow: true }, (place) =>
      withDirectory(place.path, async (inside) => {
        const described = [];
        for (const name of (await readdir(inside)).sort()) {
          // An entry that went away since it was listed is simply not there.
          const found = await lstat(`${inside}/${name}`).catch(() => undefined);
          if (found)
            described.push({ name, ...describe(`${place.display.replace(/\/$/, "")}/${name}`, found) });
        }
        return described;
      }),
    );
    sendJson(exchange.response, entries);
  }

  async #stat(exchange: Exchange): Promise<void> {
    const path = requiredQuery(exchange, "path");
    const found = await this.#at(path, { follow: true }, async (place) =>
      describe(place.display, await lstat(place.path)),
    );
    sendJson(exchange.response, found);
  }

  async #read(exchange: Exchange): Promise<void> {
    const { response } = exchange;
    // O_NONBLOCK: opening a pipe must not wait for its writer; it is refused below.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await this.#at(requiredQuery(exchange, "path"), { follow: true }, (place) =>
      open(place.path, flags),
    );
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw invalid("path is not a file");
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": stat.size });
      if (exchange.request.method === "HEAD" || stat.size === 0) {
        response.end();
        return;
      }
      await sendFile(file, stat.size, exchange);
    } finally {
      await file.close();
    }
  }

  async #write(exchange: Exchange): Promise<void> {
    const path = requiredQuery(exchange, "path");
    const result = await this.#at(path, { follow: true, makeParents: true }, async (place) => {
      const old = await lstat(place.path).catch(() => undefined);
      if (old?.isDirectory()) throw problem("stream_error", 502, "path is a directory");
      if (old && !old.isFile()) throw invalid("path is not a regular file");
      const temporary = place.sibling(`.holdfast-${randomBytes(8).toString("hex")}.tmp`);
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      const file = await open(temporary, flags, 0o666);
      try {
        const bytesWritten = await this.#receive(exchange, file, old);
        await rename(temporary, place.path);
        return { path: place.display, bytesWritten };
      } catch (error) {
        await unlink(temporary);
        throw error;
      }
    });
    sendJson(exchange.response, result);
  }

  /** Streams the body into `file`, durably; returns its size in bytes. */
  async #receive(exchange: Exchange, file: FileHandle, old: Stats | undefined): Promise<number> {
    const { maxFileBytes } = this.#limits;
    let size = 0;
    async function* body(): AsyncGenerator<Buffer> {
      for await (const chunk of exchange.request) {
        const bytes: Buffer = chunk;
        size += bytes.length;
        if (maxFileBytes > 0 && size > maxFileBytes)
          throw invalid(`the file exceeds ${maxFileBytes} bytes`, 413);
        yield bytes;
      }
    }
    try {
      await file.writeFile(body());
      if (old) await file.chmod(old.mode & 0o7777);
      await file.datasync();
    } finally {
      await file.close();
    }
    return size;
  }

  async #mkdir(exchange: Exchange): Promise<void> {
    const path = requiredQuery(exchange, "path");
    const made = await this.#at(path, { follow: true, makeParents: true }, async (place) => {
      await mkdir(place.path).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST" || !(await lstat(place.path)).isDirectory()) throw error;
      });
      return { path: place.display };
    });
    sendJson(exchange.response, made);
  }

  async #delete(exchange: Exchange): Promise<void> {
    const path = requiredQuery(exchange, "path");
    const recursive = booleanQuery(exchange, "recursive");
    const removed = await this.#at(path, { follow: false }, async (place) => {
      if (basename(place.path) === ".") throw invalid("the root directory cannot be deleted");
      await remove(place.path, recursive);
      return { path: place.display };
    });
    sendJson(exchange.response, removed);
  }
}

/** Links count as files with their own size, as the peer has it. */
function describe(path: string, stat: Stats) {
  return {
    path,
    entryType: stat.isDirectory() ? "directory" : "file",
    size: stat.size,
    modified: stat.mtime.toISOString(),
  };
}

/** Sends exactly `size` bytes; a file that shrank meanwhile breaks the connection instead of ending short. */
async function sendFile(file: FileHandle, size: number, exchange: Exchange): Promise<void> {
  if (exchange.signal.aborted) return;
  let sent = 0;
  const source = file.createReadStream({
    start: 0,
    end: size - 1,
    autoClose: false,
    highWaterMark: 256 * 1024,
  });
  source.on("data", (chunk) => {
    sent += chunk.length;
    if (!exchange.response.write(chunk)) {
      source.pause();
      exchange.response.once("drain", () => source.resume());
    }
  });
  await new Promise<void>((resolve, reject) => {
    source.once("error", reject);
    source.once("end", resolve);
    exchange.signal.addEventListener("abort", () => {
      source.destroy();
      resolve();
    });
  });
  if (sent === size) exchange.response.end();
  else exchange.response.destroy();
}

const badRequests = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EINVAL", "ENXIO"]);

/** System errors as the peer answers them: what the caller can mend is 400, the rest 502. */
function translate(error: unknown): unknown {
  if (isHoldfastError(error)) return error;
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  if (error.code === "ERR_STREAM_PREMATURE_CLOSE" || error.code === "ECONNRESET") {
    return invalid("the request body ended early");
  }
  const text = `${error.code}: ${reasons[error.code] ?? "the operation failed"}`;
  if (badRequests.has(error.code)) return invalid(text);
  return problem("stream_error", 502, text, { details: { message: text } });
}

/** The message of a system error names internal paths; callers get these. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  ELOOP: "too many levels of symbolic links",
  ENAMETOOLONG: "file name too long",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ENOTEMPTY: "directory not empty",
  EEXIST: "file exists",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
  EISDIR: "is a directory",
};
