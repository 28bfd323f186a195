/** Files of a server in the form in which they are sent with gzip. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const compress = promisify(gzip);

export interface CompressibleFile {
  /** Absolute. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** When it was last changed, in milliseconds. */
  readonly changedAt: number;
}

interface Kept {
  readonly changedAt: number;
  readonly size: number;
  readonly bytes: Promise<Buffer>;
}

/**
 * Compresses each file once, and keeps the result until the file changes. Those that were not used for longest are
 * compressed again when files of more than `maxBytes` in all are wanted.
 */
export class CompressedFiles {
  readonly #maxBytes: number;
  /** By path, the one used last at the end. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  /** `maxBytes`: of the files before compression. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Undefined for a file that is too large to be kept. Rejects with errors of the file system. */
  get(file: CompressibleFile): Promise<Buffer> | undefined {
    const { path, size, changedAt } = file;
    if (size > this.#maxBytes / 4) return undefined;
    const found = this.#kept.get(path);
    const isSame = found?.changedAt === changedAt && found.size === size;
    this.#remove(path);
    const kept = isSame ? found : { changedAt, size, bytes: readFile(path).then((raw) => compress(raw)) };
    this.#kept.set(path, kept);
    this.#bytes += size;
    if (!isSame) {
      kept.bytes.catch(() => {
        if (this.#kept.get(path) === kept) this.#remove(path);
      });
    }
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#remove(oldest);
    }
    return kept.bytes;
  }

  #remove(path: string): void {
    this.#bytes -= this.#kept.get(path)?.size ?? 0;
    this.#kept.delete(path);
  }
}
