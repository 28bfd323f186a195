import type { SandboxAgent } from "@holdfast/sandbox-client";
import { agentOsLimits } from "../../limits.ts";
import { toErrno } from "../errno.ts";
import type {
  CallTimes,
  Contents,
  RemoteEntry,
  RemoteFile,
  RemoteFiles,
  WriteCondition,
} from "./remote-files.ts";

/**
 * As much of the client of a sandbox as a mount needs. `readFsRange` is missing in clients of other servers: then each
 * read is one of the whole file.
 */
export type SandboxFilesClient = Pick<
  SandboxAgent,
  "statFs" | "listFsEntries" | "readFsFile" | "writeFsFile" | "deleteFsEntry" | "mkdirFs" | "moveFs"
> &
  Partial<Pick<SandboxAgent, "readFsRange">>;

/** Files of another sandbox over its API. */
export class SandboxFiles implements RemoteFiles {
  readonly #client: SandboxFilesClient;
  readonly #times: CallTimes;

  constructor(client: SandboxFilesClient, times: CallTimes) {
    this.#client = client;
    this.#times = times;
  }

  async stat(path: string): Promise<RemoteFile> {
    return described(await this.#within(() => this.#client.statFs({ path, noFollow: true })));
  }

  async list(path: string): Promise<RemoteEntry[]> {
    const entries = await this.#within(() => this.#client.listFsEntries({ path }));
    return entries.filter(isNamed).map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  }

  async read(path: string, offset: number, length: number, ifMatch?: string): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const { readFsRange } = this.#client;
    if (readFsRange === undefined) {
      const whole = await this.#within(() => this.#client.readFsFile({ path }));
      return whole.subarray(offset, offset + length);
    }
    const range = { offset, length, ...(ifMatch === undefined ? {} : { ifMatch }) };
    return await this.#within(() => readFsRange.call(this.#client, { path }, range));
  }

  async write(path: string, contents: Contents, condition: WriteCondition): Promise<string | undefined> {
    if (contents.size <= agentOsLimits.mountUploadBytes) {
      const body = new Uint8Array(await contents.read(0, contents.size));
      return (await this.#within(() => this.#client.writeFsFile({ path }, body, condition))).etag;
    }
    const written = await this.#times
      .whileActive((extend) => this.#client.writeFsFile({ path }, streamOf(contents, extend), condition))
      .catch(rethrow);
    return written.etag;
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#within(() => this.#client.mkdirFs({ path }));
  }

  async remove(path: string): Promise<void> {
    await this.#within(() => this.#client.deleteFsEntry({ path }));
  }

  async move(from: string, to: string, overwrite: boolean): Promise<void> {
    await this.#within(() => this.#client.moveFs({ from, to, overwrite }));
  }

  /** The client is the program's. */
  close(): void {}

  #within<T>(call: () => Promise<T>): Promise<T> {
    return this.#times.within(call).catch(rethrow);
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

function described(stat: Described): RemoteFile {
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
