/** Output of processes: ring buffers, terminals over WebSocket, and preview tickets. */

export type OutputStream = "stdout" | "stderr" | "pty";

/** A chunk of output as it was read, at most {@link maxEntryBytes}. */
export interface OutputEntry {
  /** Counts from 1 without gaps, across all streams of the process. */
  readonly sequence: number;
  readonly stream: OutputStream;
  readonly timestampMs: number;
  /** Bytes of all streams before this one's first. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Output is split into entries of at most this size, as in the peer. */
const maxEntryBytes = 8_192;

const blockBytes = 65_536;
/** Limits the number of entries to one per 16 bytes of the byte limit, because each entry has overhead. */
const bytesPerEntry = 16;
const minEntries = 1_024;

interface EntryHead {
  readonly stream: OutputStream;
  readonly timestampMs: number;
  readonly offset: number;
}

/**
 * Ring buffer of a process's output. Retains the last `maxBytes` of all streams together, and fewer only if entries
 * average under 16 bytes. Readers keep their own position, a sequence or an offset, and detect by it what they missed.
 */
export class OutputRing {
  readonly #maxBytes: number;
  readonly #blocks: Buffer[] = [];
  /** Offset of the first byte of the first block. */
  #blocksAt = 0;
  #heads: EntryHead[] = [];
  /** Index in `#heads` of the oldest retained entry; the ones before it are removed in bulk. */
  #oldest = 0;
  /** Sequence of `#heads[0]`. */
  #headsFrom = 1;
  #first = 0;
  #next = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Offset of the oldest retained byte. */
  get firstOffset(): number {
    return this.#first;
  }

  /** Offset of the next byte, which equals the number of bytes printed so far. */
  get nextOffset(): number {
    return this.#next;
  }

  /** Sequence of the oldest retained entry, or of the next one if there is none. */
  get firstSequence(): number {
    return this.#headsFrom + this.#oldest;
  }

  get lastSequence(): number {
    return this.#headsFrom + this.#heads.length - 1;
  }

  get retainedBytes(): number {
    return this.#next - this.#first;
  }

  append(stream: OutputStream, bytes: Buffer, timestampMs: number): void {
    for (let at = 0; at < bytes.length; at += maxEntryBytes) {
      const chunk = bytes.subarray(at, at + maxEntryBytes);
      this.#heads.push({ stream, timestampMs, offset: this.#next });
      this.#store(chunk);
      this.#trim();
    }
  }

  /** Returns up to `maxBytes` from `offset`, which must not be below `firstOffset`. Empty at the end. */
  read(offset: number, maxBytes: number): Buffer {
    const end = Math.min(offset + maxBytes, this.#next);
    const parts: Buffer[] = [];
    for (let at = Math.max(offset, this.#first); at < end; ) {
      const index = Math.floor((at - this.#blocksAt) / blockBytes);
      const from = (at - this.#blocksAt) % blockBytes;
      const part = this.#blocks[index]?.subarray(from, Math.min(blockBytes, from + end - at));
      if (part === undefined || part.length === 0) break;
      parts.push(part);
      at += part.length;
    }
    return Buffer.concat(parts);
  }

  /** Returns the entry of a sequence, the oldest without its dropped bytes. Undefined if not retained. */
  entry(sequence: number): OutputEntry | undefined {
    if (sequence < this.firstSequence) return undefined;
    const head = this.#heads[sequence - this.#headsFrom];
    if (head === undefined) return undefined;
    const end = this.#heads[sequence - this.#headsFrom + 1]?.offset ?? this.#next;
    const offset = Math.max(head.offset, this.#first);
    return {
      sequence,
      stream: head.stream,
      timestampMs: head.timestampMs,
      offset,
      bytes: this.read(offset, end - offset),
    };
  }

  #store(bytes: Buffer): void {
    for (let done = 0; done < bytes.length; ) {
      const at = this.#next - this.#blocksAt;
      const index = Math.floor(at / blockBytes);
      let block = this.#blocks[index];
      if (block === undefined) {
        block = Buffer.allocUnsafeSlow(blockBytes);
        this.#blocks.push(block);
      }
      const copied = bytes.copy(block, at % blockBytes, done);
      done += copied;
      this.#next += copied;
    }
  }

  #trim(): void {
    this.#first = Math.max(this.#first, this.#next - this.#maxBytes);
    const maxEntries = Math.max(minEntries, Math.floor(this.#maxBytes / bytesPerEntry));
    const tooMany = this.#heads.length - this.#oldest - maxEntries;
    const retained = tooMany > 0 ? this.#heads[this.#oldest + tooMany] : undefined;
    if (retained !== undefined) this.#first = Math.max(this.#first, retained.offset);
    while (this.#endOf(this.#oldest) <= this.#first && this.#oldest < this.#heads.length) this.#oldest += 1;
    if (this.#oldest > 4_096 && this.#oldest * 2 > this.#heads.length) {
      this.#heads = this.#heads.slice(this.#oldest);
      this.#headsFrom += this.#oldest;
      this.#oldest = 0;
    }
    const droppedBlocks = Math.floor((this.#first - this.#blocksAt) / blockBytes);
    if (droppedBlocks > 0) {
      this.#blocks.splice(0, droppedBlocks);
      this.#blocksAt += droppedBlocks * blockBytes;
    }
  }

  #endOf(index: number): number {
    return this.#heads[index + 1]?.offset ?? this.#next;
  }
}
