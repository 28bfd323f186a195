import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { SandboxAgent } from "@holdfast/sandbox-client";
import { agentOsLimits } from "../limits.ts";
import { Errno, toErrno } from "./errno.ts";

/**
 * As much of the client of a sandbox as a mount needs. `readFsRange` is missing in clients of other servers: then each
 * read is one of the whole file.
 */
export type SandboxFilesClient = Pick<
  SandboxAgent,
  "statFs" | "listFsEntries" | "readFsFile" | "writeFsFile" | "deleteFsEntry" | "mkdirFs" | "moveFs"
> &
  Partial<Pick<SandboxAgent, "readFsRange">>;

export interface FarFile {
  readonly kind: "file" | "directory" | "link";
  readonly size: number;
  readonly modifiedNs: bigint;
  /** Permission bits. */
  readonly mode: number;
  /** Validator of the contents, where the server has one. */
  readonly etag?: string;
  readonly target?: string;
}

export interface FarEntry {
  readonly name: string;
  readonly kind: FarFile["kind"];
}

/** Contents to upload. */
export interface Contents {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** Condition of a write: on the version that it replaces, or that there is none. */
export type WriteCondition = { readonly ifMatch?: string; readonly ifNoneMatch?: "*" };

/** Files of the other sandbox over its API. Each call ends in time, and fails with {@link Errno}. */
export class FarFiles {
  readonly #client: SandboxFilesClient;
  readonly #timeoutMs: number;
  readonly #onProgress: () => void;

  /** `onProgress` is called after each call, and after each part of an upload. */
  constructor(client: SandboxFilesClient, timeoutMs: number, onProgress: () => void) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.#onProgress = onProgress;
  }

  /** Does not follow a link at the end, where the server can tell. */
  async stat(path: string): Promise<FarFile> {
    return described(await this.#within(this.#client.statFs({ path, noFollow: true })));
  }

  async list(path: string): Promise<FarEntry[]> {
    const entries = await this.#within(this.#client.listFsEntries({ path }));
    return entries.filter(isNamed).map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  }

  /** Fewer bytes at the end of the file. ESTALE where it no longer is the version of `ifMatch`. */
  async read(path: string, offset: number, length: number, ifMatch?: string): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    if (this.#client.readFsRange === undefined) {
      const whole = await this.#within(this.#client.readFsFile({ path }));
      return whole.subarray(offset, offset + length);
    }
    const condition = ifMatch === undefined ? {} : { ifMatch };
    return await this.#within(this.#client.readFsRange({ path }, { offset, length, ...condition }));
  }

  /** Replaces the file; gives its new validator. ESTALE where the condition does not hold. */
  async write(path: string, contents: Contents, condition: WriteCondition): Promise<string | undefined> {
    if (contents.size <= agentOsLimits.mountUploadBytes) {
      const body = new Uint8Array(await contents.read(0, contents.size));
      return (await this.#within(this.#client.writeFsFile({ path }, body, condition))).etag;
    }
    const stalled = new Deadline(this.#timeoutMs);
    try {
      const body = streamOf(contents, () => {
        stalled.extend();
        this.#onProgress();
      });
      const written = this.#client.writeFsFile({ path }, body, condition).catch(rethrow);
      return (await Promise.race([written, stalled.passed])).etag;
    } finally {
      stalled.end();
    }
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#within(this.#client.mkdirFs({ path }));
  }

  /** A file, a link or an empty directory. */
  async remove(path: string): Promise<void> {
    await this.#within(this.#client.deleteFsEntry({ path }));
  }

  async move(from: string, to: string, overwrite: boolean): Promise<void> {
    await this.#within(this.#client.moveFs({ from, to, overwrite }));
  }

  async #within<T>(call: Promise<T>): Promise<T> {
    const ends = new AbortController();
    const late = delay(this.#timeoutMs, undefined, { signal: ends.signal }).then(
      () => {
        throw new Errno(constants.errno.EIO);
      },
      // The call has ended first.
      () => new Promise<never>(() => {}),
    );
    try {
      return await Promise.race([call, late]);
    } catch (error) {
      throw toErrno(error);
    } finally {
      ends.abort();
      this.#onProgress();
    }
  }
}

/** Time without progress after which an upload fails. */
class Deadline {
  readonly #timer: NodeJS.Timeout;
  readonly passed: Promise<never>;

  constructor(ms: number) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.passed = promise;
    promise.catch(() => {});
    this.#timer = setTimeout(() => reject(new Errno(constants.errno.EIO)), ms);
  }

  extend(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function rethrow(error: unknown): never {
  throw toErrno(error);
}

const partBytes = 256 * 1_024;

function streamOf(contents: Contents, onProgress: () => void): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      onProgress();
      if (at >= contents.size) {
        controller.close();
        return;
      }
      const bytes = await contents.read(at, Math.min(partBytes, contents.size - at));
      at += bytes.length;
      controller.enqueue(new Uint8Array(bytes));
    },
  });
}

type Described = Awaited<ReturnType<SandboxFilesClient["statFs"]>>;

function described(stat: Described): FarFile {
  const kind = kindOf(stat);
  return {
    kind,
    size: stat.size,
    modifiedNs: nanoseconds(stat.modified),
    mode: stat.mode ?? (kind === "directory" ? 0o755 : 0o644),
    ...(stat.etag === undefined ? {} : { etag: stat.etag }),
    ...(stat.target === undefined ? {} : { target: stat.target }),
  };
}

function kindOf({ entryType, special, target }: Pick<Described, "entryType" | "special" | "target">) {
  if (special === "symlink" && target !== undefined) return "link";
  return entryType === "directory" ? "directory" : "file";
}

/** Names that are not UTF-8 have only a replacement in the list. */
function isNamed(entry: { readonly name: string; readonly path: string }): boolean {
  return !("pathBase64" in entry);
}

/** RFC 3339 with up to nine digits of a second. */
function nanoseconds(time: string | null | undefined): bigint {
  const ms = Date.parse(time ?? "");
  if (Number.isNaN(ms) || ms < 0) return 0n;
  const digits = /\.(\d+)/.exec(time ?? "")?.[1] ?? "";
  return BigInt(Math.floor(ms / 1_000)) * 1_000_000_000n + BigInt(digits.slice(0, 9).padEnd(9, "0"));
}
