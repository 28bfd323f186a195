import { EventEmitter, once } from "node:events";
import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type Clock, HoldfastError } from "@holdfast/core";
import { ApprovalBook, approvalNotFound, gateClosed } from "./approval-book.ts";
import { approvalLimits } from "./approval-limits.ts";
import { bindingOf, questionOf } from "./approval-question.ts";
import type {
  Approval,
  ApprovalDecision,
  ApprovalFilter,
  ApprovalRequest,
  Approvals,
  ApprovedCall,
} from "./approvals.ts";
import { prepareFile, SqliteRecords } from "./sqlite-records.ts";

/** Event for a new record; every other event is named after a record's id. */
const addedEvent = Symbol("asked");

/** Approvals in a SQLite file of their own, synced at each change. Its lock also keeps a second gate out. */
export class ApprovalStore implements Approvals {
  readonly #db: DatabaseSync;
  readonly #clock: Clock;
  readonly #records: SqliteRecords;
  readonly #book: ApprovalBook;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #closed = false;

  private constructor(db: DatabaseSync, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#records = new SqliteRecords(db);
    this.#book = new ApprovalBook(this.#records, clock, (record) => this.#changed(record));
    for (const record of this.#list({ state: "pending" })) this.#schedule(record);
  }

  /** Throws `gate.already_open` when another process holds the file. */
  static open(path: string, clock: Clock): ApprovalStore {
    // A host that was just killed may still hold its lock for a moment.
    const db = new DatabaseSync(path, { timeout: 1_000 });
    chmodSync(path, 0o600);
    try {
      db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;");
      prepareFile(db);
      return new ApprovalStore(db, clock);
    } catch (error) {
      db.close();
      // SQLITE_BUSY: the lock dies with the process that holds it, so its holder is alive.
      if ((error as { errcode?: number }).errcode === 5) {
        throw new HoldfastError("gate", "already_open", "Another process uses this data directory", {
          statusCode: 409,
          cause: error,
        });
      }
      throw error;
    }
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#closed = true;
    // Rejects every waiter; without a listener the "error" event would throw.
    if (this.#changes.listenerCount("error") > 0) this.#changes.emit("error", gateClosed());
    this.#db.close();
  }

  async request(request: ApprovalRequest): Promise<Approval> {
    const { record, isNew } = this.#book.request(questionOf(request));
    if (isNew) {
      this.#schedule(record);
      this.#changes.emit(addedEvent, record);
    }
    return record;
  }

  async get(id: string): Promise<Approval | undefined> {
    return this.#book.get(id);
  }

  async list(filter: ApprovalFilter = {}): Promise<readonly Approval[]> {
    return this.#list(filter);
  }

  #list({ session, state }: ApprovalFilter): readonly Approval[] {
    // Reading a record may expire it.
    return this.#records
      .list({
        ...(session === undefined ? {} : { session }),
        isOpen: state === "pending" || state === "allowed",
      })
      .map((record) => this.#book.expire(record))
      .filter((each) => state === undefined || each.state === state);
  }

  async decide(id: string, decision: ApprovalDecision, by: string): Promise<Approval> {
    return this.#book.decide(id, decision, by);
  }

  async consume(id: string, call: ApprovedCall): Promise<Approval> {
    return this.#book.consume(id, bindingOf(call));
  }

  async cancelSession(session: string): Promise<number> {
    return this.#book.cancelSession(session);
  }

  onAsked(listener: (approval: Approval) => void): () => void {
    this.#changes.on(addedEvent, listener);
    return () => this.#changes.off(addedEvent, listener);
  }

  async wait(id: string, signal?: AbortSignal): Promise<Approval> {
    for (;;) {
      if (this.#closed) throw gateClosed();
      const record = this.#book.get(id);
      if (record === undefined) throw approvalNotFound();
      if (record.state !== "pending") return record;
      await once(this.#changes, id, signal ? { signal } : {});
    }
  }

  #changed(record: Approval): void {
    if (record.state !== "allowed") this.#unschedule(record.id);
    this.#changes.emit(record.id);
  }

  #schedule(record: Approval, delayMs = Math.max(record.expiresAt - this.#clock.now(), 0)): void {
    const timer = setTimeout(() => {
      this.#timers.delete(record.id);
      const left = this.#expireByTimer(record);
      // Timers run on another clock than the records and can fire a millisecond early.
      if (left?.state === "pending" || left?.state === "allowed") this.#schedule(left);
    }, delayMs);
    this.#timers.set(record.id, timer.unref());
  }

  /** Reads a record from a timer; when the disk refuses to expire it, the timer tries again. */
  #expireByTimer(record: Approval): Approval | undefined {
    try {
      return this.#book.get(record.id);
    } catch {
      // Callers that read the record get the error themselves.
      this.#schedule(record, approvalLimits.expiryRetryMs);
      return undefined;
    }
  }

  #unschedule(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }
}
