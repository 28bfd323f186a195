/** Calls of any size: arguments in pieces before the call, results in chunks. */
import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import { adapterLimits } from "../limits.ts";
import type { CallPiece, ChunkedResult, Packed, PackedResult } from "./types.ts";

/** As much of an action's context as is used. */
export interface WithDatabase {
  readonly db: RawAccess;
}

const migrateTables = migrations({
  tableName: "adapter_migrations",
  migrations: [
    {
      version: 1,
      sql: `CREATE TABLE adapter_piece (
        call_id TEXT NOT NULL, position INTEGER NOT NULL, pieces INTEGER NOT NULL, sent_at INTEGER NOT NULL,
        bytes BLOB NOT NULL, PRIMARY KEY (call_id, position)
      ) STRICT, WITHOUT ROWID`,
    },
  ],
});

/** Makes the table of pieces, and removes those of callers that went away. For `onMigrate` of `db()`. */
export async function migrateLargeCalls(db: RawAccess): Promise<void> {
  await migrateTables(db);
  await db.execute("DELETE FROM adapter_piece WHERE sent_at < ?", Date.now() - adapterLimits.abandonedMs);
}

/** The action by which callers send pieces. */
export const largeCallActions = {
  /** Throws `adapter.invalid_call`. */
  putCallPiece: async (c: WithDatabase, piece: CallPiece): Promise<void> => {
    checkPiece(piece);
    const { id, position, pieces, bytes } = piece;
    await c.db.execute(
      "INSERT OR REPLACE INTO adapter_piece (call_id, position, pieces, sent_at, bytes) VALUES (?, ?, ?, ?, ?)",
      ...[id, position, pieces, Date.now(), bytes],
    );
  },
};

/**
 * An action whose argument and result may have any size. What it changes in the database is one transaction. Throws
 * `adapter.invalid_call`, `adapter.call_incomplete`.
 */
export function largeAction<Argument, Result>(
  handler: (db: RawAccess, argument: Argument) => Result | Promise<Result>,
): (c: WithDatabase, packed: Packed<Argument>) => Promise<PackedResult<Result> | ChunkedResult<Result>> {
  return async (c, packed) => {
    const result = await c.db.transaction(async (tx) => {
      const bytes = await takeBytes(tx, packed);
      return await handler(tx, decoded<Argument>(bytes));
    });
    const bytes = encodeValue(result);
    return bytes.length <= adapterLimits.answerBytes ? { bytes } : chunksOf(bytes);
  };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const { answerBytes } = adapterLimits;
  for (let at = 0; at < bytes.length; at += answerBytes) yield bytes.slice(at, at + answerBytes);
}

/** What the caller's types say: callers are the classes of the same package. */
function decoded<Argument>(bytes: Uint8Array): Argument {
  return decodeValue(bytes) as Argument;
}

async function takeBytes(tx: RawAccess, packed: Packed<unknown>): Promise<Uint8Array> {
  if ("bytes" in packed && packed.bytes instanceof Uint8Array) return packed.bytes;
  if (!("id" in packed) || typeof packed.id !== "string") throw invalid();
  const rows = await tx.execute<{ pieces: number; bytes: Uint8Array }>(
    "SELECT pieces, bytes FROM adapter_piece WHERE call_id = ? ORDER BY position",
    packed.id,
  );
  if (rows.length === 0 || rows.length !== rows[0]?.pieces) {
    const message = "Pieces of the call have not arrived, or were removed after a day. Call again";
    throw new HoldfastError("adapter", "call_incomplete", message, { statusCode: 409 });
  }
  await tx.execute("DELETE FROM adapter_piece WHERE call_id = ?", packed.id);
  return Buffer.concat(rows.map(({ bytes }) => bytes));
}

function checkPiece({ id, position, pieces, bytes }: CallPiece): void {
  const { maxCallBytes, pieceBytes } = adapterLimits;
  const fits =
    typeof id === "string" &&
    /^[0-9a-f-]{36}$/.test(id) &&
    Number.isInteger(pieces) &&
    pieces <= Math.ceil(maxCallBytes / pieceBytes) &&
    Number.isInteger(position) &&
    position >= 0 &&
    position < pieces &&
    bytes instanceof Uint8Array &&
    bytes.length <= pieceBytes;
  if (!fits) throw invalid();
}

function invalid(): HoldfastError {
  const message = "The call is not one of this package. Call the actor through the classes of the package";
  return new HoldfastError("adapter", "invalid_call", message, { statusCode: 400 });
}
