/** Queue of bytes that arrive in chunks of any size; each byte is copied once. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** Number of bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  /** Appends bytes, which must not change afterwards. */
  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** Returns the next `length` bytes without removing them. The queue must hold as many. */
  peek(count: number): Uint8Array {
    const [first] = this.#pieces;
    return first !== undefined && first.length >= count ? first.subarray(0, count) : this.#copied(count);
  }

  /** Removes and returns a copy of the next bytes. The queue must hold as many. */
  take(count: number): Uint8Array {
    const taken = this.#copied(count);
    let rest = count;
    let removed = 0;
    for (const piece of this.#pieces) {
      if (piece.length > rest) break;
      rest -= piece.length;
      removed++;
    }
    this.#pieces.splice(0, removed);
    const [cut] = this.#pieces;
    if (cut !== undefined && rest > 0) this.#pieces[0] = cut.subarray(rest);
    this.#length -= count;
    return taken;
  }

  #copied(count: number): Uint8Array {
    const copy = new Uint8Array(count);
    let at = 0;
    for (const piece of this.#pieces) {
      if (at === count) break;
      const part = piece.subarray(0, count - at);
      copy.set(part, at);
      at += part.length;
    }
    return copy;
  }
}
