import { HoldfastError } from "@holdfast/core";
import type { KvEntry } from "../../ports/records.ts";
import type { KvOperation } from "../../ports/store.ts";
import { type EntryBuffer, space } from "../kv/entry-buffer.ts";
import { recordPrefix } from "../lifecycle/part.ts";

/** Format 1: this byte, then a piece of the document. Golden files hold it. */
const format = 1;
/** Maximum size of one record in bytes. */
const maxPieceBytes = 262_144;

/**
 * The writes that store a document of the host about moved connections, instead of an earlier one: in pieces, whose
 * keys are the prefix and the number of the piece, big-endian.
 */
export function movedConnectionWrites(document: Uint8Array): readonly KvOperation[] {
  const { movedConnection } = recordPrefix;
  const start = new Uint8Array([space.records, movedConnection]);
  const end = new Uint8Array([space.records, movedConnection + 1]);
  const writes: KvOperation[] = [{ type: "delete-range", start, end }];
  for (let at = 0; at < document.length; at += maxPieceBytes) {
    const piece = document.subarray(at, at + maxPieceBytes);
    const value = new Uint8Array(piece.length + 1);
    value[0] = format;
    value.set(piece, 1);
    const number = at / maxPieceBytes;
    const key = new Uint8Array([space.records, movedConnection, number >> 8, number & 0xff]);
    writes.push({ type: "put", key, value });
  }
  return writes;
}

/**
 * Reads the document and deletes it with the open turn, which everything that these connections receive waits for: no
 * later wake finds it. Undefined if there is none. Throws `store.unknown_format`.
 */
export function takeMovedConnections(
  records: Pick<EntryBuffer, "delete">,
  pieces: readonly KvEntry[] | undefined,
): Uint8Array | undefined {
  if (pieces === undefined || pieces.length === 0) return undefined;
  const document = new Uint8Array(pieces.reduce((sum, { value }) => sum + value.length - 1, 0));
  let at = 0;
  for (const { key, value } of pieces) {
    if (value[0] !== format) {
      const message = `A record of moved connections has format ${value[0] ?? "none"}`;
      throw new HoldfastError("store", "unknown_format", message);
    }
    document.set(value.subarray(1), at);
    at += value.length - 1;
    records.delete(key);
  }
  return document;
}
