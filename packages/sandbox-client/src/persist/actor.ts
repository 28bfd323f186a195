import type {
  ListEventsRequest,
  ListPage,
  ListPageRequest,
  SessionEvent,
  SessionPersistDriver,
  SessionRecord,
} from "../sdk/sessions/sessions.ts";
import { eventKey, eventPosition, page, pageLimit, sessionKey, sessionPosition, takenError } from "./page.ts";
import { readEvent, readSession, writeEvent, writeSession } from "./rows.ts";
import { sessionTables } from "./tables.ts";

/** As much of an actor's `c.db` as is used. */
export interface ActorDatabase {
  execute(sql: string, ...args: (string | number)[]): Promise<unknown[]>;
}

/** Makes the tables in an actor's database: the `onMigrate` of `db()`. */
export async function migrateSessions(database: ActorDatabase): Promise<void> {
  await database.execute(sessionTables);
}

/**
 * Stores sessions in the database of the calling Holdfast actor: `c.db` in an action. Writes commit with the action's
 * turn.
 */
export class ActorSessionPersistDriver implements SessionPersistDriver {
  readonly #database: ActorDatabase;

  constructor(database: ActorDatabase) {
    this.#database = database;
  }

  async getSession(id: string): Promise<SessionRecord | undefined> {
    const [row] = await this.#database.execute("SELECT record FROM sandbox_sessions WHERE id = ?", id);
    return row === undefined ? undefined : readSession(recordOf(row));
  }

  async listSessions(request: ListPageRequest = {}): Promise<ListPage<SessionRecord>> {
    const limit = pageLimit(request);
    const { createdAt, id } = sessionPosition(request.cursor) ?? { createdAt: -1, id: "" };
    const rows = await this.#database.execute(
      `SELECT record FROM sandbox_sessions WHERE (created_at, id) > (?, ?)
       ORDER BY created_at, id LIMIT ?`,
      ...[createdAt, id, limit + 1],
    );
    return page(
      rows.map((row) => readSession(recordOf(row))),
      limit,
      sessionKey,
    );
  }

  async updateSession(session: SessionRecord): Promise<void> {
    await this.#database.execute(
      `INSERT INTO sandbox_sessions (id, created_at, record) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, record = excluded.record`,
      ...[session.id, session.createdAt, writeSession(session)],
    );
  }

  async listEvents(request: ListEventsRequest): Promise<ListPage<SessionEvent>> {
    const limit = pageLimit(request);
    const rows = await this.#database.execute(
      `SELECT record FROM sandbox_events WHERE session_id = ? AND event_index > ?
       ORDER BY event_index LIMIT ?`,
      ...[request.sessionId, eventPosition(request.cursor), limit + 1],
    );
    return page(
      rows.map((row) => readEvent(recordOf(row))),
      limit,
      eventKey,
    );
  }

  async insertEvent(sessionId: string, event: SessionEvent): Promise<void> {
    // Checked first, since a failing statement would be logged as an error of the actor.
    const inserted = await this.#database.execute(
      `INSERT INTO sandbox_events (session_id, event_index, record) VALUES (?, ?, ?)
       ON CONFLICT (session_id, event_index) DO NOTHING RETURNING event_index`,
      ...[sessionId, event.eventIndex, writeEvent({ ...event, sessionId })],
    );
    if (inserted.length === 0) throw takenError();
  }

  /** Removes a session and its events. */
  async deleteSession(id: string): Promise<void> {
    await this.#database.execute("DELETE FROM sandbox_events WHERE session_id = ?", id);
    await this.#database.execute("DELETE FROM sandbox_sessions WHERE id = ?", id);
  }
}

/** Actions by which clients of an actor keep sessions in it; see {@link remoteActorDriver}. */
export const sessionActions = {
  getSandboxSession: async (c: { readonly db: ActorDatabase }, id: string) =>
    (await driverOf(c).getSession(id)) ?? null,
  listSandboxSessions: (c: { readonly db: ActorDatabase }, request: ListPageRequest) =>
    driverOf(c).listSessions(request),
  updateSandboxSession: (c: { readonly db: ActorDatabase }, session: SessionRecord) =>
    driverOf(c).updateSession(session),
  listSandboxEvents: (c: { readonly db: ActorDatabase }, request: ListEventsRequest) =>
    driverOf(c).listEvents(request),
  /** False for an index that the session has already. */
  insertSandboxEvent: async (c: { readonly db: ActorDatabase }, sessionId: string, event: SessionEvent) => {
    try {
      await driverOf(c).insertEvent(sessionId, event);
      return true;
    } catch (error) {
      if (error instanceof Error && error.message === takenError().message) return false;
      throw error;
    }
  },
};

/** A handle of an actor with {@link sessionActions}. */
export interface SessionActor {
  getSandboxSession(id: string): Promise<SessionRecord | null>;
  listSandboxSessions(request: ListPageRequest): Promise<ListPage<SessionRecord>>;
  updateSandboxSession(session: SessionRecord): Promise<void>;
  listSandboxEvents(request: ListEventsRequest): Promise<ListPage<SessionEvent>>;
  insertSandboxEvent(sessionId: string, event: SessionEvent): Promise<boolean>;
}

/** Keeps sessions in an actor with {@link sessionActions}, from anywhere that can call it. */
export function remoteActorDriver(actor: SessionActor): SessionPersistDriver {
  return {
    getSession: async (id) => (await actor.getSandboxSession(id)) ?? undefined,
    listSessions: (request = {}) => actor.listSandboxSessions(request),
    updateSession: (session) => actor.updateSandboxSession(session),
    listEvents: (request) => actor.listSandboxEvents(request),
    async insertEvent(sessionId, event) {
      if (!(await actor.insertSandboxEvent(sessionId, event))) throw takenError();
    },
  };
}

function driverOf(c: { readonly db: ActorDatabase }): ActorSessionPersistDriver {
  return new ActorSessionPersistDriver(c.db);
}

function recordOf(row: unknown): unknown {
  return typeof row === "object" && row !== null ? Reflect.get(row, "record") : undefined;
}
