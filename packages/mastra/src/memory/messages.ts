import type { RawAccess } from "@holdfast/actors";
import { hasMembers, mergeJson, parseObject } from "./tables.ts";
import { insertMessage, touchThreads } from "./threads.ts";
import type { MessageChange, MessagePage, MessageQuery, MessageRow } from "./types.ts";

interface StoredRow extends MessageRow, Record<string, unknown> {
  readonly position: number;
}

/** Stores messages; those with the id of another one replace it. */
export async function saveMessages(tx: RawAccess, messages: readonly MessageRow[]): Promise<void> {
  for (const message of messages) await insertMessage(tx, message);
  await touchThreads(
    tx,
    messages.map(({ threadId }) => threadId),
  );
}

/** The changed messages; those that do not exist are left out. */
export async function updateMessages(
  tx: RawAccess,
  changes: readonly MessageChange[],
): Promise<MessageRow[]> {
  const changed: MessageRow[] = [];
  const threads: string[] = [];
  for (const { content, ...change } of changes) {
    const old = messageOf(tx, change.id);
    if (old === undefined) continue;
    const message = {
      ...old,
      ...change,
      ...(content === undefined ? {} : mergedContent(old.content, content)),
    };
    await insertMessage(tx, message);
    threads.push(old.threadId, message.threadId);
    changed.push(withoutPosition(message));
  }
  await touchThreads(tx, threads);
  return changed;
}

function mergedContent(old: string, change: string): { content: string } {
  const [before, after] = [parseObject(old), parseObject(change)];
  const metadata =
    before["metadata"] !== undefined && after["metadata"] !== undefined
      ? {
          metadata: parseObject(
            mergeJson(JSON.stringify(before["metadata"]), JSON.stringify(after["metadata"])),
          ),
        }
      : {};
  return { content: JSON.stringify({ ...before, ...after, ...metadata }) };
}

export async function deleteMessages(tx: RawAccess, ids: readonly string[]): Promise<void> {
  const threads: string[] = [];
  for (const id of ids) {
    const [row] = await tx.execute<{ threadId: string }>(
      "DELETE FROM message WHERE id = ? RETURNING threadId",
      id,
    );
    if (row !== undefined) threads.push(row.threadId);
  }
  await touchThreads(tx, threads);
}

/** Those of the messages that exist, in the same order. */
export function messagesById(db: RawAccess, ids: readonly string[]): MessageRow[] {
  return ids.flatMap((id) => {
    const message = messageOf(db, id);
    return message === undefined ? [] : [withoutPosition(message)];
  });
}

export function listMessages(db: RawAccess, query: MessageQuery): MessagePage {
  const { offset, limit, direction } = query;
  const fitting = fittingMessages(db, query);
  if (direction === "DESC") fitting.reverse();
  const page = fitting.slice(offset, offset + limit);
  const all = new Map([...page, ...includedMessages(db, query)].map((message) => [message.id, message]));
  const sorted = [...all.values()].sort((a, b) => a.createdAt - b.createdAt || a.position - b.position);
  if (direction === "DESC") sorted.reverse();
  return { messages: sorted.map(withoutPosition), total: fitting.length, found: page.length };
}

/** All messages that fit, oldest first. */
function fittingMessages(
  db: RawAccess,
  { threadIds, resourceId, from, to, metadata }: MessageQuery,
): StoredRow[] {
  const rows = db.query<StoredRow>(
    `SELECT * FROM message
     WHERE (?1 IS NULL OR threadId IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR resourceId = ?2)
       AND createdAt >= ?3 AND createdAt <= ?4
     ORDER BY createdAt, position`,
    ...[threadIds === undefined ? null : JSON.stringify(threadIds), resourceId ?? null],
    from === undefined ? Number.MIN_SAFE_INTEGER : from.at + (from.exclusive ? 1 : 0),
    to === undefined ? Number.MAX_SAFE_INTEGER : to.at - (to.exclusive ? 1 : 0),
  );
  if (metadata === undefined) return rows;
  return rows.filter(({ content }) =>
    hasMembers(JSON.stringify(parseObject(content)["metadata"] ?? {}), metadata),
  );
}

function includedMessages(db: RawAccess, { include, resourceId }: MessageQuery): StoredRow[] {
  return include.flatMap(({ id, before, after }) => {
    const message = messageOf(db, id);
    if (message === undefined || (resourceId !== undefined && message.resourceId !== resourceId)) return [];
    const neighbours = (comparison: "<" | ">", count: number): StoredRow[] =>
      db.query<StoredRow>(
        `SELECT * FROM message WHERE threadId = ?1 AND (?2 IS NULL OR resourceId = ?2)
           AND (createdAt, position) ${comparison} (?3, ?4)
         ORDER BY createdAt ${comparison === "<" ? "DESC" : "ASC"}, position ${comparison === "<" ? "DESC" : "ASC"} LIMIT ?5`,
        ...[message.threadId, resourceId ?? null, message.createdAt, message.position, count],
      );
    return [message, ...neighbours("<", before), ...neighbours(">", after)];
  });
}

function messageOf(db: RawAccess, id: string): StoredRow | undefined {
  return db.get<StoredRow>("SELECT * FROM message WHERE id = ?", id);
}

function withoutPosition({
  id,
  threadId,
  resourceId,
  role,
  type,
  content,
  createdAt,
}: MessageRow): MessageRow {
  return { id, threadId, resourceId, role, type, content, createdAt };
}
