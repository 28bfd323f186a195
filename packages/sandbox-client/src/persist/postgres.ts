import { HoldfastError } from "@holdfast/core";
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

/** As much of `pg`'s Pool or Client as is used. */
export interface PostgresQueries {
  query(text: string, values?: unknown[]): Promise<{ rows: { [column: string]: unknown }[] }>;
}

export interface PostgresSessionPersistDriverOptions {
  /** A Pool or Client of `pg`, of yours to close. */
  readonly client: PostgresQueries;
  /** Schema of the two tables, created if missing; "public" by default. */
  readonly schema?: string;
}

const uniqueViolation = "23505";
/** Prevents two starting programs from both creating the tables: "create if not exists" does not lock. */
const lockKey = 7_205_759_403_792;

/** Stores sessions in PostgreSQL 12 or later. Data is committed when a call resolves. */
export class PostgresSessionPersistDriver implements SessionPersistDriver {
  readonly #client: PostgresQueries;
  readonly #schema: string;
  #prepared: Promise<void> | undefined;

  constructor(options: PostgresSessionPersistDriverOptions) {
    const schema = options.schema ?? "public";
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
      throw new HoldfastError("sandbox", "invalid_schema_name", `"${schema}" is no plain name of a schema`, {
        statusCode: 400,
      });
    }
    this.#client = options.client;
    this.#schema = `"${schema}"`;
  }

  async getSession(id: string): Promise<SessionRecord | undefined> {
    const [row] = await this.#rows(`SELECT record FROM ${this.#schema}.sandbox_sessions WHERE id = $1`, [id]);
    return row === undefined ? undefined : readSession(row.record);
  }

  async listSessions(request: ListPageRequest = {}): Promise<ListPage<SessionRecord>> {
    const limit = pageLimit(request);
    const { createdAt, id } = sessionPosition(request.cursor) ?? { createdAt: -1, id: "" };
    const rows = await this.#rows(
      `SELECT record FROM ${this.#schema}.sandbox_sessions WHERE (created_at, id) > ($1::bigint, $2::text)
       ORDER BY created_at, id LIMIT $3`,
      [createdAt, id, limit + 1],
    );
    return page(
      rows.map(({ record }) => readSession(record)),
      limit,
      sessionKey,
    );
  }

  async updateSession(session: SessionRecord): Promise<void> {
    await this.#rows(
      `INSERT INTO ${this.#schema}.sandbox_sessions (id, created_at, record) VALUES ($1, $2, $3)
       ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, record = excluded.record`,
      [session.id, session.createdAt, writeSession(session)],
    );
  }

  async listEvents(request: ListEventsRequest): Promise<ListPage<SessionEvent>> {
    const limit = pageLimit(request);
    const rows = await this.#rows(
      `SELECT record FROM ${this.#schema}.sandbox_events WHERE session_id = $1 AND event_index > $2
       ORDER BY event_index LIMIT $3`,
      [request.sessionId, eventPosition(request.cursor), limit + 1],
    );
    return page(
      rows.map(({ record }) => readEvent(record)),
      limit,
      eventKey,
    );
  }

  async insertEvent(sessionId: string, event: SessionEvent): Promise<void> {
    try {
      await this.#rows(
        `INSERT INTO ${this.#schema}.sandbox_events (session_id, event_index, record) VALUES ($1, $2, $3)`,
        [sessionId, event.eventIndex, writeEvent({ ...event, sessionId })],
      );
    } catch (error) {
      throw error instanceof Error && "code" in error && error.code === uniqueViolation
        ? takenError(error)
        : error;
    }
  }

  async #rows(text: string, values: unknown[]): Promise<{ [column: string]: unknown }[]> {
    // A failure is not cached: the database may have been unreachable temporarily.
    this.#prepared ??= this.#prepare().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    await this.#prepared;
    return (await this.#client.query(text, values)).rows;
  }

  /**
   * A query text without values is one transaction. The record is `text`, not `jsonb`, since agents' output must stay
   * unchanged and can contain U+0000. Ids compare by bytes, as in the other drivers.
   */
  async #prepare(): Promise<void> {
    await this.#client.query(`
      SELECT pg_advisory_xact_lock(${lockKey});
      CREATE SCHEMA IF NOT EXISTS ${this.#schema};
      CREATE TABLE IF NOT EXISTS ${this.#schema}.sandbox_sessions (
        id text COLLATE "C" PRIMARY KEY, created_at bigint NOT NULL, record text NOT NULL
      );
      CREATE INDEX IF NOT EXISTS sandbox_sessions_by_time
        ON ${this.#schema}.sandbox_sessions (created_at, id);
      CREATE TABLE IF NOT EXISTS ${this.#schema}.sandbox_events (
        session_id text COLLATE "C" NOT NULL, event_index bigint NOT NULL, record text NOT NULL,
        PRIMARY KEY (session_id, event_index)
      );
    `);
  }
}
