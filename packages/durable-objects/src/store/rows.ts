/** Rows of the SQL API as typed values. */
import type { ActorRecord } from "@holdfast/actors";
import { decodeKey } from "@holdfast/core";

export type Row = Readonly<Record<string, unknown>>;

export const recordColumns = "id, name, key, epoch, version, wake_at, created_at, destroyed_at";

export function actorRecord(row: Row): ActorRecord {
  const wakeAt = optionalInteger(row, "wake_at");
  const destroyedAt = optionalInteger(row, "destroyed_at");
  return {
    id: text(row, "id"),
    name: text(row, "name"),
    key: decodeKey(text(row, "key")),
    epoch: integer(row, "epoch"),
    version: integer(row, "version"),
    createdAt: integer(row, "created_at"),
    ...(destroyedAt === undefined ? {} : { destroyedAt }),
    ...(wakeAt === undefined ? {} : { wakeAt }),
  };
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`the column ${column} is not a text`);
  return value;
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw new TypeError(`the column ${column} is not a number`);
  return value;
}

export function optionalInteger(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column);
}

/** Undefined for NULL. */
export function optionalBytes(value: unknown): Uint8Array | undefined {
  if (value === null) return undefined;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new TypeError("a column is not a blob");
}
