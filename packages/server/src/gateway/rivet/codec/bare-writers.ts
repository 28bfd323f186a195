/** BARE of values whose types the inspector's JSON does not promise; what users keep is CBOR inside. */
import * as bare from "@rivetkit/bare-ts";
import { encodeCbor } from "./values.ts";

/** A part of an answer of our own inspector: its fields are those of docs/reference/inspector.md. */
export type Fields = Readonly<Record<string, unknown>>;

export function writeValue(cursor: bare.ByteCursor, value: unknown): void {
  bare.writeU8Array(cursor, encodeCbor(value ?? null));
}

export function writeText(cursor: bare.ByteCursor, value: unknown): void {
  bare.writeString(cursor, String(value ?? ""));
}

export function writeOptional<T>(
  cursor: bare.ByteCursor,
  value: T | null | undefined,
  write: (cursor: bare.ByteCursor, value: T) => void,
): void {
  const isThere = value !== undefined && value !== null;
  bare.writeBool(cursor, isThere);
  if (isThere) write(cursor, value);
}

export function writeList<T>(
  cursor: bare.ByteCursor,
  items: readonly T[],
  write: (cursor: bare.ByteCursor, item: T) => void,
): void {
  bare.writeUintSafe(cursor, items.length);
  for (const item of items) write(cursor, item);
}
