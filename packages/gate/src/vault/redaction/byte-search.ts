/**
 * Searches bytes for any of many patterns (S. Wu and U. Manber, "A fast algorithm for multi-pattern searching", 1994): two
 * bytes say how many positions can be skipped, so that most bytes are never read.
 */
export class ByteSearch {
  /** Length of the shortest pattern, which bounds the shifts. */
  readonly #window: number;
  readonly #shifts = new Uint8Array(65_536);
  /** Patterns by their first two bytes. */
  readonly #byStart = new Map<number, Buffer[]>();
  /** Patterns by their first byte, for a pattern that is cut off after one byte. */
  readonly #byFirst: (Buffer[] | undefined)[] = Array.from({ length: 256 }, () => undefined);
  readonly #longest: number;

  /** Every pattern has at least two bytes. */
  constructor(patterns: readonly Buffer[]) {
    const shortest = patterns.reduce((least, { length }) => Math.min(least, length), 255);
    this.#window = shortest;
    this.#longest = patterns.reduce((most, { length }) => Math.max(most, length), 0);
    this.#shifts.fill(shortest - 1);
    for (const pattern of patterns) {
      const start = pattern.readUInt16BE(0);
      this.#byStart.set(start, [...(this.#byStart.get(start) ?? []), pattern]);
      this.#byFirst[start >> 8] = [...(this.#byFirst[start >> 8] ?? []), pattern];
      for (let end = 2; end <= shortest; end++) {
        const block = pattern.readUInt16LE(end - 2);
        this.#shifts[block] = Math.min(this.#shifts[block] ?? 0, shortest - end);
      }
    }
  }

  /** Whether any pattern occurs in `data`. */
  anyIn(data: Buffer): boolean {
    if (this.#byStart.size === 0) return false;
    const [shifts, window] = [this.#shifts, this.#window];
    // A DataView loads two bytes at once; a buffer takes two loads with a bounds check each.
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    let at = window - 1;
    while (at < data.length) {
      const shift = shifts[view.getUint16(at - 1, true)] ?? 0;
      if (shift > 0) {
        at += shift;
        continue;
      }
      if (this.#startsAt(data, at - window + 1)) return true;
      at += 1;
    }
    return false;
  }

  /** Length of the longest suffix of `data` that is a proper prefix of a pattern. */
  unfinishedIn(data: Buffer): number {
    for (let at = Math.max(0, data.length - this.#longest + 1); at < data.length; at++) {
      const candidates = this.#byFirst[data[at] ?? 0];
      if (candidates === undefined) continue;
      const length = data.length - at;
      for (const pattern of candidates) {
        if (length < pattern.length && data.compare(pattern, 0, length, at) === 0) return length;
      }
    }
    return 0;
  }

  #startsAt(data: Buffer, at: number): boolean {
    const candidates = this.#byStart.get(((data[at] ?? 0) << 8) | (data[at + 1] ?? 0));
    if (candidates === undefined) return false;
    return candidates.some(
      (pattern) =>
        at + pattern.length <= data.length &&
        data.compare(pattern, 0, pattern.length, at, at + pattern.length) === 0,
    );
  }
}
