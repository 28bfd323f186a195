import type {
  ListEventsRequest,
  ListPage,
  ListPageRequest,
  SessionEvent,
  SessionPersistDriver,
  SessionRecord,
} from "../sdk/sessions/sessions.ts";
import { eventKey, eventPosition, page, pageLimit, sessionKey, sessionPosition, takenError } from "./page.ts";

export interface InMemorySessionPersistDriverOptions {
  /** 1,024 by default; the oldest goes first, with its events. */
  maxSessions?: number;
  /** 500 by default; the oldest goes first. */
  maxEventsPerSession?: number;
}

/** Stores sessions in memory. */
export class InMemorySessionPersistDriver implements SessionPersistDriver {
  readonly #maxSessions: number;
  readonly #maxEvents: number;
  readonly #sessions = new Map<string, SessionRecord>();
  readonly #events = new Map<string, SessionEvent[]>();

  constructor(options: InMemorySessionPersistDriverOptions = {}) {
    this.#maxSessions = options.maxSessions ?? 1_024;
    this.#maxEvents = options.maxEventsPerSession ?? 500;
  }

  async getSession(id: string): Promise<SessionRecord | undefined> {
    const session = this.#sessions.get(id);
    return session === undefined ? undefined : structuredClone(session);
  }

  async listSessions(request: ListPageRequest = {}): Promise<ListPage<SessionRecord>> {
    const after = sessionPosition(request.cursor);
    const limit = pageLimit(request);
    const sessions = [...this.#sessions.values()]
      .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
      .filter(
        ({ createdAt, id }) =>
          after === undefined ||
          createdAt > after.createdAt ||
          (createdAt === after.createdAt && id > after.id),
      );
    return structuredClone(page(sessions.slice(0, limit + 1), limit, sessionKey));
  }

  async updateSession(session: SessionRecord): Promise<void> {
    this.#sessions.set(session.id, structuredClone(session));
    while (this.#sessions.size > this.#maxSessions) {
      const [oldest] = [...this.#sessions.values()].sort((a, b) => a.createdAt - b.createdAt);
      if (oldest === undefined) return;
      this.#sessions.delete(oldest.id);
      this.#events.delete(oldest.id);
    }
  }

  async listEvents(request: ListEventsRequest): Promise<ListPage<SessionEvent>> {
    const after = eventPosition(request.cursor);
    const limit = pageLimit(request);
    const events = (this.#events.get(request.sessionId) ?? []).filter(({ eventIndex }) => eventIndex > after);
    return structuredClone(page(events.slice(0, limit + 1), limit, eventKey));
  }

  async insertEvent(sessionId: string, event: SessionEvent): Promise<void> {
    const events = this.#events.get(sessionId) ?? [];
    if (events.some(({ eventIndex }) => eventIndex === event.eventIndex)) throw takenError();
    const at = events.findIndex(({ eventIndex }) => eventIndex > event.eventIndex);
    events.splice(at === -1 ? events.length : at, 0, structuredClone({ ...event, sessionId }));
    if (events.length > this.#maxEvents) events.splice(0, events.length - this.#maxEvents);
    this.#events.set(sessionId, events);
  }
}
