import type { RawAccess } from "@holdfast/actors";
import type { NewCheckpoint, NewWrite, NewWrites, PutAnswer, Typed } from "./types.ts";

/** Where the values of a checkpoint's channels are: rows by the names of the channels. */
type Channels = Readonly<Record<string, readonly [version: string, row: number | null]>>;

/**
 * Stores a checkpoint with the values of the channels that changed. The others are those of its parent. A channel that
 * the parent has in another version comes from elsewhere, as in a copied checkpoint: its value is asked for. The same
 * number can be the version of different values in two branches of a thread, so versions alone do not tell them.
 */
export async function putCheckpoint(tx: RawAccess, given: NewCheckpoint): Promise<PutAnswer> {
  const { namespace, id, parentId, versions, values, checkpoint, metadata } = given;
  const changed = new Set(given.changed);
  const parent = parentId === undefined ? undefined : channelsOf(tx, namespace, parentId);
  const channels: Record<string, readonly [string, number | null]> = {};
  const needed: string[] = [];
  for (const [channel, version] of Object.entries(versions)) {
    if (Object.hasOwn(values, channel)) continue;
    const inherited = parent?.[channel];
    if (changed.has(channel)) channels[channel] = [version, null];
    else if (inherited?.[0] === version) channels[channel] = inherited;
    else if (isStored(tx, namespace, channel, version)) needed.push(channel);
  }
  if (needed.length > 0) return { needed };
  for (const [channel, value] of Object.entries(values)) {
    const version = versions[channel];
    if (version === undefined) continue;
    channels[channel] = [version, await keepChannel(tx, namespace, channel, version, value)];
  }
  await tx.execute(
    `INSERT OR REPLACE INTO checkpoint (namespace, id, parent_id, channels, type, bytes, metadata_type, metadata_bytes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[namespace, id, parentId ?? null, JSON.stringify(channels)],
    ...[checkpoint.type, checkpoint.bytes, metadata.type, metadata.bytes],
  );
  return { needed };
}

function channelsOf(tx: RawAccess, namespace: string, id: string): Channels | undefined {
  const row = tx.get<{ channels: string }>(
    "SELECT channels FROM checkpoint WHERE namespace = ? AND id = ?",
    ...[namespace, id],
  );
  return row === undefined ? undefined : (JSON.parse(row.channels) as Channels);
}

function isStored(tx: RawAccess, namespace: string, channel: string, version: string): boolean {
  const found = tx.get(
    "SELECT 1 FROM channel_value WHERE namespace = ? AND channel = ? AND version = ? LIMIT 1",
    ...[namespace, channel, version],
  );
  return found !== undefined;
}

/** The same value of the same version is stored once, also when a call is repeated. */
async function keepChannel(
  tx: RawAccess,
  namespace: string,
  channel: string,
  version: string,
  { type, bytes }: Typed,
): Promise<number> {
  const key = [namespace, channel, version, type, bytes] as const;
  const there = tx.get<{ row: number }>(
    `SELECT row FROM channel_value
     WHERE namespace = ? AND channel = ? AND version = ? AND type = ? AND bytes = ?`,
    ...key,
  );
  if (there !== undefined) return there.row;
  const [inserted] = await tx.execute<{ row: number }>(
    "INSERT INTO channel_value (namespace, channel, version, type, bytes) VALUES (?, ?, ?, ?, ?) RETURNING row",
    ...key,
  );
  if (inserted === undefined) throw new Error("An inserted row was not returned");
  return inserted.row;
}

/** Stores the writes of a task: those that it has already stay, but for special channels. */
export async function putWrites(tx: RawAccess, given: NewWrites): Promise<void> {
  for (const write of given.writes) await putWrite(tx, given, write);
}

async function putWrite(tx: RawAccess, given: NewWrites, { channel, index, data }: NewWrite): Promise<void> {
  const { namespace, id, taskId, taskPath } = given;
  await tx.execute(
    `INSERT OR ${index < 0 ? "REPLACE" : "IGNORE"} INTO pending_write
     (namespace, checkpoint_id, task_id, position, task_path, channel, type, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[namespace, id, taskId, index, taskPath, channel, data.type, data.bytes],
  );
}
