/** Sizes of chunks in bytes. */
export interface ChunkSizes {
  readonly min: number;
  /** The expected size beyond `min`; a power of two. */
  readonly average: number;
  readonly max: number;
}

const defaultSizes: ChunkSizes = { min: 262_144, average: 1_048_576, max: 4_194_304 };

/** A fixed pseudo-random number for each byte: xorshift32 from a constant, so that all nodes cut alike. */
const gear = new Uint32Array(256);
for (let at = 0, state = 0x9e3779b9; at < gear.length; at++) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  gear[at] = state >>> 0;
}

/**
 * Cuts a stream into chunks where its content says so, so that streams with equal parts have equal chunks, wherever
 * the parts are: gear hashing, as in FastCDC (Xia et al., USENIX ATC 2016), without its second mask.
 */
export async function* chunksOf(
  stream: AsyncIterable<Uint8Array>,
  { min, average, max }: ChunkSizes = defaultSizes,
): AsyncGenerator<Uint8Array> {
  // The upper bits of the hash depend on the last 32 bytes.
  const shift = 32 - Math.log2(average);
  let parts: Uint8Array[] = [];
  let length = 0;
  let hash = 0;
  for await (const piece of stream) {
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      length++;
      if (length <= min - 32) continue;
      hash = ((hash << 1) + (gear[piece[at] as number] as number)) | 0;
      if ((length < min || hash >>> shift !== 0) && length < max) continue;
      yield join([...parts, piece.subarray(from, at + 1)], length);
      parts = [];
      length = 0;
      hash = 0;
      from = at + 1;
    }
    // Copied: the source may reuse its buffer.
    if (from < piece.length) parts.push(piece.slice(from));
  }
  if (length > 0) yield join(parts, length);
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const chunk = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    chunk.set(part, at);
    at += part.length;
  }
  return chunk;
}
