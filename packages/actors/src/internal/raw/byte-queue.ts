/** Bytes that come in pieces and are taken out as they are needed: each is copied once, however small the pieces are. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** How many bytes are in it. */
  get length(): number {
    return this.#length;
  }

  /** Nobody may change the bytes later. */
  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** The next bytes, which stay in it. There have to be as many. */
  peek(count: number): Uint8Array {
    const [first] = this.#pieces;
    return first !== undefined && first.length >= count ? first.subarray(0, count) : this.#copied(count);
  }

  /** Takes the next bytes out, as bytes of their own. There have to be as many. */
  take(count: number): Uint8Array {
    const taken = this.#copied(count);
    let rest = count;
    let whole = 0;
    for (const piece of this.#pieces) {
      if (piece.length > rest) break;
      rest -= piece.length;
      whole++;
    }
    this.#pieces.splice(0, whole);
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
