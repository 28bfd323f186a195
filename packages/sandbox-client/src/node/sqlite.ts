import { DatabaseSync } from "node:sqlite";
import {
  eventKey,
  eventPosition,
  page,
  pageLimit,
  sessionKey,
  sessionPosition,
  takenError,
} from "../persist/page.ts";
import { readEvent, readSession, writeEvent, writeSession } from "../persist/rows.ts";
import { sessionTables } from "../persist/tables.ts";
import type {
  ListEventsRequest,
  ListPage,
  ListPageRequest,
  SessionEvent,
  SessionPersistDriver,
  SessionRecord,
} from "../sdk/sessions/sessions.ts";

export interface SqliteSessionPersistDriverOptions {
  /** Path of the database, created if missing. */
  readonly filename: string;
}

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  ${sessionTables}
`;

/** Stores sessions in an SQLite database of Node. Data is on disk when a call resolves. */
export class SqliteSessionPersistDriver implements SessionPersistDriver {
  readonly #database: DatabaseSync;

  constructor(options: SqliteSessionPersistDriverOptions) {
    // From the start: a process before this one may still be closing the file.
    this.#database = new DatabaseSync(options.filename, { timeout: 5_000 });
    this.#database.exec(schema);
  }

  async getSession(id: string): Promise<SessionRecord | undefined> {
    const row = this.#database.prepare("SELECT record FROM sandbox_sessions WHERE id = ?").get(id);
    return row === undefined ? undefined : readSession(row.record);
  }

  async listSessions(request: ListPageRequest = {}): Promise<ListPage<SessionRecord>> {
    const limit = pageLimit(request);
    const { createdAt, id } = sessionPosition(request.cursor) ?? { createdAt: -1, id: "" };
    const rows = this.#database
      .prepare(
        `SELECT record FROM sandbox_sessions WHERE (created_at, id) > (?, ?)
         ORDER BY created_at, id LIMIT ?`,
      )
      .all(createdAt, id, limit + 1);
    return page(
      rows.map(({ record }) => readSession(record)),
      limit,
      sessionKey,
    );
  }

  async updateSession(session: SessionRecord): Promise<void> {
    this.#database
      .prepare(
        `INSERT INTO sandbox_sessions (id, created_at, record) VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, record = excluded.record`,
      )
      .run(session.id, session.createdAt, writeSession(session));
  }

  async listEvents(request: ListEventsRequest): Promise<ListPage<SessionEvent>> {
    const limit = pageLimit(request);
    const rows = this.#database
      .prepare(
        `SELECT record FROM sandbox_events WHERE session_id = ? AND event_index > ?
         ORDER BY event_index LIMIT ?`,
      )
      .all(request.sessionId, eventPosition(request.cursor), limit + 1);
    return page(
      rows.map(({ record }) => readEvent(record)),
      limit,
      eventKey,
    );
  }

  async insertEvent(sessionId: string, event: SessionEvent): Promise<void> {
    try {
      this.#database
        .prepare("INSERT INTO sandbox_events (session_id, event_index, record) VALUES (?, ?, ?)")
        .run(sessionId, event.eventIndex, writeEvent({ ...event, sessionId }));
    } catch (error) {
      throw error instanceof Error && /UNIQUE constraint failed/.test(error.message)
        ? takenError(error)
        : error;
    }
  }

  /** Closes the database; the driver is of no use afterwards. */
  close(): void {
    this.#database.close();
  }
}
