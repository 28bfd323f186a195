import type { ActorRecord, CallRecord, StoredState } from "@holdfast/actors";
import { decodeKey } from "@holdfast/core";
import { type AcquiredDatabase, type CommittedRow, corrupt } from "@holdfast/store-kit";

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

/** Copied to a plain array: a `Buffer` does not equal one in deep comparisons. */
export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw wrongType(column, value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** Columns that {@link actorRecord} reads. */
export const recordColumns = "id, name, key, epoch, version, created_at, destroyed_at, wake_at, place";

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
    ...(row["place"] === null ? {} : { place: text(row, "place") }),
  };
}

/** Reads the columns of a record, `last_commit` and `snapshot_version`. */
export function committedRow(row: Row): CommittedRow {
  const { epoch, version, destroyedAt } = actorRecord(row);
  return {
    epoch,
    version,
    lastCommit: text(row, "last_commit"),
    isDestroyed: destroyedAt !== undefined,
    hasState: optionalInteger(row, "snapshot_version") !== undefined,
  };
}

/** Reads the columns `epoch, version, page_size, pages, database_version`. */
export function acquiredDatabase(row: Row): AcquiredDatabase {
  const version = optionalInteger(row, "database_version");
  return {
    epoch: integer(row, "epoch"),
    version: integer(row, "version"),
    content:
      version === undefined
        ? undefined
        : { version, pageSize: integer(row, "page_size"), pages: integer(row, "pages") },
  };
}

/** Builds a record from its rows, in order. */
export function callRecord(key: string, rows: readonly Row[]): CallRecord | undefined {
  const first = rows[0];
  if (first === undefined) return undefined;
  const status = text(first, "status");
  if (status !== "started" && status !== "done") throw wrongType("status", status);
  const outcome =
    first["outcome"] === null ? undefined : joined(rows.slice(0, integer(first, "pieces")), "outcome");
  return {
    key,
    status,
    expiresAt: integer(first, "expires_at"),
    ...(outcome === undefined ? {} : { outcome }),
  };
}

/** Builds a state from the rows of its log, ordered by version and piece, starting with a snapshot. */
export function storedState(rows: readonly Row[]): StoredState | undefined {
  const [snapshot, ...patches] = Array.from(groupedBy(rows, "version"), (pieces) => joined(pieces, "bytes"));
  return snapshot === undefined ? undefined : { snapshot, patches };
}

/** Adjacent rows with an equal value in a column: the pieces of one value. */
export function* groupedBy(rows: readonly Row[], column: string): Generator<readonly Row[]> {
  for (let at = 0; at < rows.length; ) {
    let end = at + 1;
    while (end < rows.length && isEqual(rows[end]?.[column], rows[at]?.[column])) end += 1;
    yield rows.slice(at, end);
    at = end;
  }
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || (a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0);
}

/** Joins the pieces of one value. */
export function joined(rows: readonly Row[], column: string): Uint8Array {
  const [only] = rows;
  if (rows.length === 1 && only !== undefined) return bytes(only, column);
  const whole = Buffer.concat(rows.map((row) => bytes(row, column)));
  return new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength);
}

function wrongType(column: string, value: unknown): Error {
  return corrupt(`The column ${column} holds a ${value === null ? "null" : typeof value}`);
}
