/** Most bytes of one picture. A JPEG of the largest screen has less. */
const maxPictureBytes = 64 * 1_048_576;
const maxHeaderBytes = 1_024;
const headerEnd = Buffer.from("\r\n\r\n");

/** Splits the output of ffmpeg's `mpjpeg` format into pictures: a header with the length before each. */
export class MultipartParser {
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Length of the picture that is being received; undefined while its header is. */
  #length: number | undefined;

  /** Adds what was received, and returns the pictures that are complete now. Throws if it is no such output. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const pictures: Buffer[] = [];
    for (;;) {
      if (this.#length === undefined && !this.#readHeader()) return pictures;
      if (this.#length === undefined || this.#buffered < this.#length) return pictures;
      pictures.push(this.#take(this.#length));
      this.#length = undefined;
    }
  }

  #readHeader(): boolean {
    const buffered = this.#join();
    const end = buffered.indexOf(headerEnd);
    if (end < 0) {
      if (buffered.length > maxHeaderBytes) throw new Error("the header of a picture has no end");
      return false;
    }
    const header = buffered.subarray(0, end).toString("latin1");
    const length = Number(/^content-length: *(\d+)$/im.exec(header)?.[1]);
    if (!(length > 0 && length <= maxPictureBytes)) throw new Error("a picture has no valid length");
    this.#take(end + headerEnd.length);
    this.#length = length;
    return true;
  }

  #take(bytes: number): Buffer {
    const buffered = this.#join();
    const rest = buffered.subarray(bytes);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#buffered = rest.length;
    return buffered.subarray(0, bytes);
  }

  #join(): Buffer {
    const [first = Buffer.alloc(0)] = this.#chunks;
    if (this.#chunks.length <= 1) return first;
    const joined = Buffer.concat(this.#chunks, this.#buffered);
    this.#chunks = [joined];
    return joined;
  }
}
