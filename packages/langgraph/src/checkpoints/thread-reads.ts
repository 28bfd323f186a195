import type { RawAccess, SqlValue } from "@holdfast/actors";
import type {
  CheckpointAddress,
  CheckpointHead,
  HeadPage,
  HeadQuery,
  StoredCheckpoint,
  StoredWrite,
  Typed,
} from "./types.ts";

const headsOfPage = 100;

interface CheckpointRow {
  readonly namespace: string;
  readonly id: string;
  readonly parent_id: string | null;
  readonly channels: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly metadata_type: string;
  readonly metadata_bytes: Uint8Array;
}

/** The latest checkpoint of a namespace. */
export function latestCheckpoint(db: RawAccess, namespace: string): StoredCheckpoint | null {
  const row = db.get<CheckpointRow>(
    "SELECT * FROM checkpoint WHERE namespace = ? ORDER BY id DESC LIMIT 1",
    namespace,
  );
  return row === undefined ? null : storedCheckpoint(db, row);
}

/** Those of the checkpoints that exist, in the same order. */
export function readCheckpoints(db: RawAccess, addresses: readonly CheckpointAddress[]): StoredCheckpoint[] {
  return addresses.flatMap(({ namespace, id }) => {
    const row = db.get<CheckpointRow>(
      "SELECT * FROM checkpoint WHERE namespace = ? AND id = ?",
      ...[namespace, id],
    );
    return row === undefined ? [] : [storedCheckpoint(db, row)];
  });
}

function storedCheckpoint(db: RawAccess, row: CheckpointRow): StoredCheckpoint {
  const { namespace, id, type, bytes } = row;
  const channels = JSON.parse(row.channels) as Record<string, [version: string, row: number | null]>;
  const values: Record<string, Typed> = {};
  for (const [channel, [, valueRow]] of Object.entries(channels)) {
    if (valueRow === null) continue;
    const value = db.get<{ type: string; bytes: Uint8Array }>(
      "SELECT type, bytes FROM channel_value WHERE row = ?",
      valueRow,
    );
    if (value !== undefined) values[channel] = value;
  }
  return {
    ...{ namespace, id },
    ...(row.parent_id === null ? {} : { parentId: row.parent_id }),
    checkpoint: { type, bytes },
    metadata: metadataOf(row),
    values,
    writes: writesOf(db, namespace, id),
  };
}

/** Pending writes in the order in which a running graph applies them: by code points, as SQLite compares text. */
function writesOf(db: RawAccess, namespace: string, id: string): StoredWrite[] {
  return db
    .query<{ task_id: string; channel: string; type: string; bytes: Uint8Array }>(
      `SELECT task_id, channel, type, bytes FROM pending_write WHERE namespace = ? AND checkpoint_id = ?
       ORDER BY task_path, task_id, position`,
      ...[namespace, id],
    )
    .map(({ task_id: taskId, channel, type, bytes }) => ({ taskId, channel, data: { type, bytes } }));
}

/** Checkpoints that fit the query, newest first. */
export function listHeads(db: RawAccess, query: HeadQuery): HeadPage {
  const { namespace, id, before, after } = query;
  const conditions = ["TRUE"];
  const values: SqlValue[] = [];
  const add = (condition: string, ...given: string[]): void => {
    conditions.push(condition);
    values.push(...given);
  };
  if (namespace !== undefined) add("namespace = ?", namespace);
  if (id !== undefined) add("id = ?", id);
  if (before !== undefined) add("id < ?", before);
  if (after !== undefined) add("(id, namespace) < (?, ?)", after.id, after.namespace);
  const rows = db.query<CheckpointRow>(
    `SELECT namespace, id, metadata_type, metadata_bytes FROM checkpoint
     WHERE ${conditions.join(" AND ")} ORDER BY id DESC, namespace DESC LIMIT ?`,
    ...[...values, headsOfPage + 1],
  );
  const heads = rows
    .slice(0, headsOfPage)
    .map((row): CheckpointHead => ({ namespace: row.namespace, id: row.id, metadata: metadataOf(row) }));
  return { heads, more: rows.length > headsOfPage };
}

function metadataOf(row: CheckpointRow): Typed {
  return { type: row.metadata_type, bytes: row.metadata_bytes };
}
