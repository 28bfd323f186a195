import type { ActorRecord, CallRecord } from "@holdfast/actors";
import { decodeKey } from "@holdfast/core";
import { corrupt } from "./errors.ts";

export type Row = Record<string, unknown>;

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw wrongType(column, value);
  return value;
}

export function optionalInteger(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column);
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw wrongType(column, value);
  return value;
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw wrongType(column, value);
  return value;
}

export function actorRecord(row: Row): ActorRecord {
  const destroyedAt = optionalInteger(row, "destroyed_at");
  const wakeAt = optionalInteger(row, "wake_at");
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

export function callRecord(key: string, row: Row): CallRecord {
  const status = text(row, "status");
  if (status !== "started" && status !== "done") throw wrongType("status", status);
  return {
    key,
    status,
    expiresAt: integer(row, "expires_at"),
    ...(row["outcome"] === null ? {} : { outcome: bytes(row, "outcome") }),
  };
}

function wrongType(column: string, value: unknown): Error {
  return corrupt(new Error(`Column ${column} holds a ${value === null ? "null" : typeof value}`));
}
