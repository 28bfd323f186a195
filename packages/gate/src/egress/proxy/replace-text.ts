import { Transform, type TransformCallback } from "node:stream";

/** Replaces texts in a byte stream, also across chunk boundaries. */
export class TextReplacer extends Transform {
  readonly #pairs: readonly (readonly [Buffer, Buffer])[];
  #held: Buffer = Buffer.alloc(0);

  constructor(pairs: readonly (readonly [string, string])[]) {
    super();
    this.#pairs = pairs.map(([from, to]) => [Buffer.from(from), Buffer.from(to)]);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const keep = Math.max(0, ...this.#pairs.map(([from]) => unfinished(data, from)));
    // The held bytes are a prefix, so they cannot contain a complete secret.
    this.#held = data.subarray(data.length - keep);
    data = data.subarray(0, data.length - keep);
    for (const [from, to] of this.#pairs) data = replaceAll(data, from, to);
    done(null, data);
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#held);
  }
}

/** Length of the longest suffix of `data` that is a proper prefix of `text`. */
function unfinished(data: Buffer, text: Buffer): number {
  for (let length = Math.min(text.length - 1, data.length); length > 0; length--) {
    if (data.compare(text, 0, length, data.length - length) === 0) return length;
  }
  return 0;
}

function replaceAll(data: Buffer, from: Buffer, to: Buffer): Buffer {
  const parts: Buffer[] = [];
  let begin = 0;
  for (let at = data.indexOf(from); at >= 0; at = data.indexOf(from, begin)) {
    parts.push(data.subarray(begin, at), to);
    begin = at + from.length;
  }
  if (begin === 0) return data;
  parts.push(data.subarray(begin));
  return Buffer.concat(parts);
}
