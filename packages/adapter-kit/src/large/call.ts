import { randomUUID } from "node:crypto";
import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import { adapterLimits } from "../limits.ts";
import type { Packed, PackedResult, PieceActor } from "./types.ts";

/** The action of a handle that `largeAction` made, as its caller sees it. */
export type LargeAction<Argument, Result> = (
  packed: Packed<Argument>,
) => Promise<PackedResult<Result> | AsyncIterable<Uint8Array>>;

/**
 * Calls an action of {@link largeAction} with an argument of any size. Throws `adapter.call_too_large` before
 * anything is sent, and what the action throws.
 */
export async function callLarge<Argument, Result>(
  actor: PieceActor,
  action: LargeAction<Argument, Result>,
  argument: Argument,
): Promise<Result> {
  const bytes = encodeValue(argument);
  const packed =
    bytes.length <= adapterLimits.pieceBytes ? { bytes } : { id: await sendPieces(actor, bytes) };
  const result = await action(packed);
  return decodeValue("bytes" in result ? result.bytes : await collect(result)) as Result;
}

async function sendPieces(actor: PieceActor, bytes: Uint8Array): Promise<string> {
  const { maxCallBytes, pieceBytes, concurrentPieces } = adapterLimits;
  if (bytes.length > maxCallBytes) throw tooLarge(bytes.length);
  const id = randomUUID();
  const pieces = Math.ceil(bytes.length / pieceBytes);
  const send = (position: number): Promise<void> => {
    const piece = bytes.slice(position * pieceBytes, (position + 1) * pieceBytes);
    return actor.putCallPiece({ id, position, pieces, bytes: piece });
  };
  for (let first = 0; first < pieces; first += concurrentPieces) {
    const length = Math.min(concurrentPieces, pieces - first);
    await Promise.all(Array.from({ length }, (_, at) => send(first + at)));
  }
  return id;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

function tooLarge(sizeBytes: number): HoldfastError {
  const { maxCallBytes } = adapterLimits;
  const message = `${sizeBytes} bytes are more than the ${maxCallBytes} that are kept at once. Keep large data elsewhere, and a reference to it here`;
  return new HoldfastError("adapter", "call_too_large", message, {
    metadata: { sizeBytes, maxCallBytes },
    statusCode: 413,
  });
}
