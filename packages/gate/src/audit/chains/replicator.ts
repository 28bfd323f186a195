import { HoldfastError, type Logger } from "@holdfast/core";
import type { AuditLog } from "../audit-log.ts";
import { decodeRecord } from "../record.ts";
import { openSegments } from "../segments.ts";
import { type AuditArchive, archivePieceBytes, archiveTimes } from "./archive.ts";

export interface ReplicatorOptions {
  readonly chain: string;
  readonly path: string;
  readonly log: AuditLog;
  readonly archive: AuditArchive;
  readonly logger: Logger;
}

/**
 * Copies the log of this node to the store, in the background: the record of an effect is on the disk of its node before
 * the effect, and in the store soon after it. Each copy ends with a signed checkpoint.
 */
export class Replicator {
  readonly #options: ReplicatorOptions;
  /** Bytes of the log in the store. */
  #copied = 0;
  #joined = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #copying: Promise<void> = Promise.resolve();

  constructor(options: ReplicatorOptions) {
    this.#options = options;
  }

  /** Compares the log with its copy, and completes the copy. Throws `audit.corrupt`. */
  async join(): Promise<void> {
    const { archive, chain } = this.#options;
    const { size, checkpoint } = await archive.end(chain);
    const signed = checkpoint?.size ?? 0;
    const isSame =
      (checkpoint === undefined || (await this.#hasRecord(signed, checkpoint.hash))) &&
      (await this.#continues(signed, size));
    if (!isSame)
      throw new HoldfastError(
        "audit",
        "corrupt",
        "The audit log of this node is not the one that the store has a copy of: records that were copied have been changed " +
          "or removed. Compare both with `holdfast audit verify` at another node. To start a new chain, move the log, its " +
          "checkpoints and audit-key.pem away",
        { statusCode: 500 },
      );
    this.#copied = size;
    this.#joined = true;
    await this.#copy();
  }

  /** Call after each write of the log. */
  readonly written = (): void => {
    this.#later(archiveTimes.delayMs);
  };

  #later(delayMs: number): void {
    if (this.#timer !== undefined || this.#closed || !this.#joined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#copying = this.#copying.then(() => this.#copyOrRetry());
    }, delayMs).unref();
  }

  async #copyOrRetry(): Promise<void> {
    try {
      await this.#copy();
    } catch (error) {
      this.#options.logger.warn("audit records could not be copied to the store", { error });
      this.#later(archiveTimes.retryMs);
    }
  }

  /** Copies what is new, up to a checkpoint. */
  async #copy(): Promise<void> {
    const { log, archive, chain } = this.#options;
    const checkpoint = log.signEnd();
    const end = checkpoint?.size ?? 0;
    if (end <= this.#copied) return;
    for await (const { offset, bytes } of this.#read(this.#copied, end)) {
      const size = await archive.append(chain, offset, bytes);
      if (size < offset + bytes.length)
        throw new HoldfastError("audit", "unavailable", "The copy of the audit log lost records", {
          statusCode: 503,
        });
      this.#copied = size;
    }
    if (checkpoint !== undefined) await archive.sign(chain, checkpoint);
  }

  /** The bytes of the log from `from` to `to`, in pieces. */
  async *#read(from: number, to: number): AsyncGenerator<{ offset: number; bytes: Buffer }> {
    let offset = from;
    for await (const { file, base } of openSegments(this.#options.path)) {
      const { size } = await file.stat();
      while (offset < Math.min(to, base + size)) {
        const length = Math.min(archivePieceBytes, Math.min(to, base + size) - offset);
        const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, offset - base);
        if (bytesRead === 0) break;
        yield { offset, bytes: buffer.subarray(0, bytesRead) };
        offset += bytesRead;
      }
    }
  }

  /** Whether the log has a record with this hash that ends at byte `end`. */
  async #hasRecord(end: number, hash: string): Promise<boolean> {
    if (end === 0) return true;
    const pieces: Buffer[] = [];
    for await (const { bytes } of this.#read(Math.max(0, end - 2 * 64 * 1024), end)) pieces.push(bytes);
    const tail = Buffer.concat(pieces);
    const line = tail.subarray(tail.lastIndexOf(0x0a, tail.length - 2) + 1, tail.length - 1);
    const record = decodeRecord(line.toString("utf8"));
    return typeof record !== "string" && record.hash === hash;
  }

  /** Whether what the copy has beyond its last signature is in the log: a killed node signs it at its next start. */
  async #continues(signed: number, size: number): Promise<boolean> {
    for (let offset = signed; offset < size; ) {
      const copy = Buffer.from(await this.#options.archive.read(this.#options.chain, offset));
      const own: Buffer[] = [];
      for await (const { bytes } of this.#read(offset, offset + copy.length)) own.push(bytes);
      if (copy.length === 0 || !Buffer.concat(own).equals(copy)) return false;
      offset += copy.length;
    }
    return true;
  }

  /** Copies the last records. A failure is logged: the next start completes the copy. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#copying;
    if (!this.#joined) return;
    this.#joined = false;
    await this.#copyOrRetry();
  }
}
