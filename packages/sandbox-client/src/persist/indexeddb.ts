import type {
  ListEventsRequest,
  ListPage,
  ListPageRequest,
  SessionEvent,
  SessionPersistDriver,
  SessionRecord,
} from "../sdk/sessions/sessions.ts";
import type { Database, Factory, OpenRequest, Request, Store } from "./indexeddb-types.ts";
import { eventKey, eventPosition, page, pageLimit, sessionKey, sessionPosition, takenError } from "./page.ts";
import { readEvent, readSession, writeEvent, writeSession } from "./rows.ts";

export interface IndexedDbSessionPersistDriverOptions {
  /** Name of the database; "holdfast-sandbox" by default. */
  readonly databaseName?: string;
  /** The browser's own by default. */
  readonly indexedDB?: Factory;
}

const sessions = "sessions";
const byTime = "byTime";
const events = "events";

/** Stores sessions in IndexedDB. Data survives the page once a call resolves. */
export class IndexedDbSessionPersistDriver implements SessionPersistDriver {
  readonly #name: string;
  readonly #factory: Factory | undefined;
  #opened: Promise<Database> | undefined;

  constructor(options: IndexedDbSessionPersistDriverOptions = {}) {
    this.#name = options.databaseName ?? "holdfast-sandbox";
    this.#factory = options.indexedDB;
  }

  async getSession(id: string): Promise<SessionRecord | undefined> {
    const row = await this.#run(sessions, "readonly", (store) => store.get(id));
    return row === undefined ? undefined : readSession(memberOf(row, "record"));
  }

  async listSessions(request: ListPageRequest = {}): Promise<ListPage<SessionRecord>> {
    const limit = pageLimit(request);
    const after = sessionPosition(request.cursor);
    const rows = await this.#run(sessions, "readonly", (store) => {
      const from = after === undefined ? [-1] : [after.createdAt, after.id];
      return store.index(byTime).getAll(keyRange().lowerBound(from, true), limit + 1);
    });
    const records = listOf(rows).map((row) => readSession(memberOf(row, "record")));
    return page(records, limit, sessionKey);
  }

  async updateSession(session: SessionRecord): Promise<void> {
    const { id, createdAt } = session;
    const row = { id, createdAt, record: writeSession(session) };
    await this.#run(sessions, "readwrite", (store) => store.put(row));
  }

  async listEvents(request: ListEventsRequest): Promise<ListPage<SessionEvent>> {
    const limit = pageLimit(request);
    const { sessionId } = request;
    const rows = await this.#run(events, "readonly", (store) => {
      const after = [sessionId, eventPosition(request.cursor)];
      const range = keyRange().bound(after, [sessionId, Number.MAX_SAFE_INTEGER], true);
      return store.getAll(range, limit + 1);
    });
    const found = listOf(rows).map((row) => readEvent(memberOf(row, "record")));
    return page(found, limit, eventKey);
  }

  async insertEvent(sessionId: string, event: SessionEvent): Promise<void> {
    const row = { sessionId, eventIndex: event.eventIndex, record: writeEvent({ ...event, sessionId }) };
    try {
      await this.#run(events, "readwrite", (store) => store.add(row));
    } catch (error) {
      throw memberOf(error, "name") === "ConstraintError" ? takenError(error) : error;
    }
  }

  /** Lets go of the database. The next call opens it again. */
  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    (await opened)?.close();
  }

  /** Resolves when the transaction is complete: until then a write may still be lost. */
  async #run(name: string, mode: "readonly" | "readwrite", use: (store: Store) => Request): Promise<unknown> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    const transaction = (await this.#opened).transaction(name, mode, { durability: "strict" });
    return await new Promise((resolve, reject) => {
      const request = use(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(request.error ?? transaction.error);
      transaction.onerror = () => reject(request.error ?? transaction.error);
    });
  }

  async #open(): Promise<Database> {
    const factory = this.#factory ?? (globalThis as unknown as { indexedDB: Factory }).indexedDB;
    const request: OpenRequest = factory.open(this.#name, 1);
    return await new Promise((resolve, reject) => {
      request.onupgradeneeded = () => {
        const store = request.result.createObjectStore(sessions, { keyPath: "id" });
        store.createIndex(byTime, ["createdAt", "id"]);
        request.result.createObjectStore(events, { keyPath: ["sessionId", "eventIndex"] });
      };
      request.onsuccess = () => {
        const database = request.result;
        const forget = () => {
          this.#opened = undefined;
        };
        // Another page may need a newer version, or delete it: this one must not be in its way.
        database.onversionchange = () => {
          database.close();
          forget();
        };
        // A person who clears the data of the site has it closed.
        database.onclose = forget;
        resolve(database);
      };
      request.onerror = () => reject(request.error);
    });
  }
}

interface KeyRanges {
  lowerBound(lower: unknown, open: boolean): unknown;
  bound(lower: unknown, upper: unknown, lowerOpen: boolean): unknown;
}

function keyRange(): KeyRanges {
  return (globalThis as unknown as { IDBKeyRange: KeyRanges }).IDBKeyRange;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
