import { randomUUID } from "node:crypto";
import type { RawAccess, SqlValue } from "@holdfast/actors";
import { hasMembers, mergeJson } from "./tables.ts";
import type {
  CopyAnswer,
  MessageRow,
  NewState,
  ResourceChange,
  ResourceRow,
  StateAddress,
  ThreadChange,
  ThreadCopy,
  ThreadPage,
  ThreadQuery,
  ThreadRow,
} from "./types.ts";

export function readThread(db: RawAccess, id: string): ThreadRow | null {
  return db.get<ThreadRow & Record<string, unknown>>("SELECT * FROM thread WHERE id = ?", id) ?? null;
}

export async function saveThread(tx: RawAccess, thread: ThreadRow): Promise<void> {
  await tx.execute(
    `INSERT OR REPLACE INTO thread (id, resourceId, title, metadata, createdAt, updatedAt)
     VALUES (?, ?, ?, ?, ?, ?)`,
    ...[thread.id, thread.resourceId, thread.title, thread.metadata, thread.createdAt, thread.updatedAt],
  );
}

/** The changed thread; null if there is none. */
export async function updateThread(tx: RawAccess, change: ThreadChange): Promise<ThreadRow | null> {
  const old = readThread(tx, change.id);
  if (old === null) return null;
  const changed: ThreadRow = {
    ...old,
    ...(change.title === undefined ? {} : { title: change.title }),
    ...(change.metadata === undefined ? {} : { metadata: mergeJson(old.metadata, change.metadata) }),
    updatedAt: later(old.updatedAt),
  };
  await saveThread(tx, changed);
  return changed;
}

/** Notes that the messages of threads changed. */
export async function touchThreads(tx: RawAccess, ids: Iterable<string>): Promise<void> {
  for (const id of new Set(ids))
    await tx.execute("UPDATE thread SET updatedAt = max(?, updatedAt + 1) WHERE id = ?", Date.now(), id);
}

/** Two changes within a millisecond are told apart. */
function later(than: number): number {
  return Math.max(Date.now(), than + 1);
}

/** Removes a thread with its messages and states. */
export async function deleteThread(tx: RawAccess, id: string): Promise<void> {
  await tx.execute("DELETE FROM thread WHERE id = ?", id);
  await tx.execute("DELETE FROM message WHERE threadId = ?", id);
  await tx.execute("DELETE FROM thread_state WHERE threadId = ?", id);
}

export function listThreads(db: RawAccess, query: ThreadQuery): ThreadPage {
  const { resourceId, metadata, field, direction, offset, limit } = query;
  const column = field === "updatedAt" ? "updatedAt" : "createdAt";
  const order = direction === "ASC" ? "ASC" : "DESC";
  const all = db
    .query<ThreadRow & Record<string, unknown>>(
      `SELECT * FROM thread WHERE ?1 IS NULL OR resourceId = ?1 ORDER BY ${column} ${order}, id ${order}`,
      resourceId ?? null,
    )
    .filter((thread) => metadata === undefined || hasMembers(thread.metadata, metadata));
  return { threads: all.slice(offset, offset + limit), total: all.length };
}

export async function copyThread(tx: RawAccess, copy: ThreadCopy): Promise<CopyAnswer> {
  const source = readThread(tx, copy.sourceId);
  if (source === null) return { refused: "no_source" };
  if (readThread(tx, copy.id) !== null) return { refused: "exists" };
  const messages = messagesToCopy(tx, copy);
  const now = Date.now();
  const last = messages.at(-1);
  const clone = {
    ...{ sourceThreadId: copy.sourceId, clonedAt: new Date(now) },
    ...(last === undefined ? {} : { lastMessageId: last.id }),
  };
  const copiedTitle = source.title === null ? null : `Clone of ${source.title}`;
  const thread: ThreadRow = {
    ...{ id: copy.id, resourceId: copy.resourceId ?? source.resourceId, title: copy.title ?? copiedTitle },
    metadata: mergeJson(copy.metadata ?? null, JSON.stringify({ clone })),
    ...{ createdAt: now, updatedAt: now },
  };
  await saveThread(tx, thread);
  const messageIds: Record<string, string> = {};
  for (const message of messages) {
    const id = randomUUID();
    messageIds[message.id] = id;
    await insertMessage(tx, {
      ...message,
      ...{ id, threadId: copy.id, resourceId: copy.resourceId ?? message.resourceId },
    });
  }
  return { thread, messageIds };
}

function messagesToCopy(tx: RawAccess, { sourceId, messageIds, from, to, limit }: ThreadCopy): MessageRow[] {
  const wanted = messageIds === undefined ? undefined : new Set(messageIds);
  const all = tx
    .query<MessageRow & Record<string, unknown>>(
      "SELECT * FROM message WHERE threadId = ? ORDER BY createdAt, position",
      sourceId,
    )
    .filter(
      ({ id, createdAt }) =>
        (wanted === undefined || wanted.has(id)) &&
        (from === undefined || createdAt >= from) &&
        (to === undefined || createdAt <= to),
    );
  return limit === undefined ? all : all.slice(-limit);
}

/** Stores a message; one with its id is replaced, and keeps its place among messages of the same time. */
export async function insertMessage(tx: RawAccess, message: MessageRow): Promise<void> {
  const { id, threadId, resourceId, role, type, content, createdAt } = message;
  await tx.execute(
    `INSERT INTO message (id, threadId, resourceId, role, type, content, createdAt) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET threadId = excluded.threadId, resourceId = excluded.resourceId,
       role = excluded.role, type = excluded.type, content = excluded.content, createdAt = excluded.createdAt`,
    ...([id, threadId, resourceId, role, type, content, createdAt] satisfies SqlValue[]),
  );
}

export function readResource(db: RawAccess, id: string): ResourceRow | null {
  return db.get<ResourceRow & Record<string, unknown>>("SELECT * FROM resource WHERE id = ?", id) ?? null;
}

export async function saveResource(tx: RawAccess, resource: ResourceRow): Promise<void> {
  const { id, workingMemory, metadata, createdAt, updatedAt } = resource;
  await tx.execute(
    "INSERT OR REPLACE INTO resource (id, workingMemory, metadata, createdAt, updatedAt) VALUES (?, ?, ?, ?, ?)",
    ...[id, workingMemory, metadata, createdAt, updatedAt],
  );
}

/** The changed resource, which the change creates if there is none. */
export async function updateResource(tx: RawAccess, change: ResourceChange): Promise<ResourceRow> {
  const now = Date.now();
  const old = readResource(tx, change.id);
  const changed: ResourceRow = {
    id: change.id,
    workingMemory: change.workingMemory ?? old?.workingMemory ?? null,
    metadata: mergeJson(old?.metadata ?? null, change.metadata ?? "{}"),
    ...{ createdAt: old?.createdAt ?? now, updatedAt: later(old?.updatedAt ?? 0) },
  };
  await saveResource(tx, changed);
  return changed;
}

export function readState(db: RawAccess, { threadId, type }: StateAddress): string | null {
  const row = db.get<{ value: string }>(
    "SELECT value FROM thread_state WHERE threadId = ? AND type = ?",
    ...[threadId, type],
  );
  return row?.value ?? null;
}

export async function writeState(tx: RawAccess, { threadId, type, value }: NewState): Promise<void> {
  if (value === null)
    await tx.execute("DELETE FROM thread_state WHERE threadId = ? AND type = ?", threadId, type);
  else
    await tx.execute(
      "INSERT OR REPLACE INTO thread_state (threadId, type, value) VALUES (?, ?, ?)",
      ...[threadId, type, value],
    );
}

export async function clearStates(tx: RawAccess): Promise<void> {
  await tx.execute("DELETE FROM thread_state");
}
