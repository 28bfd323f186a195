/**
 * A buffer that is used again. A new one for each image of a screen makes the engine collect garbage so often that this
 * takes as long as the images.
 */
export class ReusedBuffer {
  #spare: Buffer | undefined;

  /** Calls `use` with a buffer of at least this size, which is its own until it settles. */
  async use<T>(bytes: number, use: (buffer: Buffer) => Promise<T>): Promise<T> {
    const spare = this.#spare;
    this.#spare = undefined;
    const buffer = spare !== undefined && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes);
    try {
      return await use(buffer);
    } finally {
      this.#spare = buffer;
    }
  }
}
