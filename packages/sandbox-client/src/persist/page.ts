/** Storage of a client's sessions: memory, files, IndexedDB, SQLite, PostgreSQL. */
import { HoldfastError } from "@holdfast/core";
import type { ListPage, ListPageRequest, SessionEvent, SessionRecord } from "../sdk/sessions/sessions.ts";

const defaultLimit = 100;
const maxLimit = 1_000;

/** How many entries a page has: 100 unless asked, 1 to 1,000. */
export function pageLimit(request: ListPageRequest): number {
  const limit = request.limit ?? defaultLimit;
  if (Number.isInteger(limit) && limit > 0) return Math.min(limit, maxLimit);
  throw new HoldfastError("sandbox", "invalid_limit", "The limit of a page is a whole number above 0", {
    statusCode: 400,
  });
}

/** Creates a page of `rows`, which contain one more than `limit` if a further page exists. */
export function page<T>(rows: readonly T[], limit: number, key: (last: T) => string): ListPage<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return rows.length > limit && last !== undefined ? { items, nextCursor: key(last) } : { items };
}

export interface SessionPosition {
  readonly createdAt: number;
  readonly id: string;
}

export function sessionKey(session: SessionRecord): string {
  return `${session.createdAt}:${session.id}`;
}

/** Position after the previous page; undefined for the first page. */
export function sessionPosition(cursor: string | undefined): SessionPosition | undefined {
  if (cursor === undefined) return undefined;
  const [, createdAt, id] = /^(\d{1,16}):(.*)$/s.exec(cursor) ?? [];
  if (createdAt === undefined || id === undefined) throw invalidCursor();
  return { createdAt: Number(createdAt), id };
}

export function eventKey(event: SessionEvent): string {
  return String(event.eventIndex);
}

export function eventPosition(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (!/^\d{1,15}$/.test(cursor)) throw invalidCursor();
  return Number(cursor);
}

/** A driver's error for an index that the session already has; its message is part of the contract. */
export function takenError(cause?: unknown): HoldfastError {
  return new HoldfastError(
    "sandbox",
    "event_index_taken",
    "UNIQUE constraint failed: events.session_id, events.event_index",
    { statusCode: 409, cause },
  );
}

function invalidCursor(): HoldfastError {
  return new HoldfastError("sandbox", "invalid_cursor", "The cursor is not one of this driver's", {
    statusCode: 400,
  });
}
