/** Images of actors, and the pieces in which large data travels. */
import { remoteStoreLimits } from "../limits.ts";

/** Splits a stream into pieces of full size; the last may be smaller. */
export async function* inPieces(
  source: AsyncIterable<Uint8Array>,
  pieceBytes: number = remoteStoreLimits.maxPieceBytes,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of source) {
    for (let at = 0; at < part.length; ) {
      const taken = part.subarray(at, at + pieceBytes - size);
      parts.push(taken);
      at += taken.length;
      size += taken.length;
      if (size < pieceBytes) continue;
      yield Buffer.concat(parts);
      parts = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(parts);
}
