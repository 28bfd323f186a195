import type { Ports } from "@holdfast/core";
import { sqliteStoreLimits } from "../limits.ts";
import type { SyncEvent } from "../store.ts";
import { busy, closed, failed, indeterminate, isFatal, mapSqliteError } from "./errors.ts";
import { integer } from "./rows.ts";
import type { Statements } from "./statements.ts";
import type { Wal } from "./wal.ts";

/** One change that waits to be durable. */
interface Entry {
  readonly actorId: string;
  readonly work: () => void;
  /** Removes the actor from view: until it is durable, its absence must not be answered. */
  readonly hides: boolean;
  readonly prunes: number;
  readonly callers: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What one sync makes durable. */
interface Group {
  /** Written in the transaction that is open now. */
  open: Entry[];
  /** Committed to the WAL, and not synced yet. */
  readonly written: Entry[];
  /** False once something that a reader may have seen was undone. */
  intact: boolean;
  /** Resolves with `intact` after the sync. */
  readonly settled: Promise<boolean>;
  readonly settle: (intact: boolean) => void;
}

export interface Change {
  readonly actorId: string;
  readonly work: () => void;
  readonly hides?: boolean;
  /** How many expired call records this change may pay for with their removal. */
  readonly prunes?: number;
  /** How many callers wait for this change: turns of one actor may share one. */
  readonly callers?: number;
}

export interface WalState {
  readonly frames: number;
  readonly moved: number;
}

export interface GroupOptions {
  readonly ports: Ports;
  readonly sql: Statements;
  readonly inTransaction: () => boolean;
  readonly wal: Wal;
  readonly walBytes: (frames: number) => number;
  readonly onSync?: (event: SyncEvent) => void;
  /** Told the size of the WAL after each group; a returned promise holds commits until it resolves. */
  readonly onGroup: (state: WalState) => (() => Promise<void>) | undefined;
}

/**
 * Group commit. Changes that arrive while a sync is on its way, or within one turn of the event
 * loop, share a transaction, each in a savepoint of its own, so that one that fails leaves the others
 * as they are; then one sync makes all of them durable, and they resolve in order.
 *
 * A change is written in the call that hands it in: a later call sees it, and changes keep their order.
 */
export class GroupCommitter {
  readonly #options: GroupOptions;
  readonly #sql: Statements;
  #open: Group | undefined;
  #syncing: Group | undefined;
  #flushScheduled = false;
  /** Whether the last group had one caller. */
  #wasAlone = true;
  #held: Entry[] | undefined;
  #waiting = 0;
  #hiding = 0;
  #pending = new Map<string, number>();
  #state: "open" | "closed" | "failed" = "open";
  #cause: unknown;
  #idle: (() => void)[] = [];
  readonly counters = { commits: 0, transactions: 0, syncs: 0, holds: 0 };

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#sql = options.sql;
  }

  get isFailed(): boolean {
    return this.#state === "failed";
  }

  /** Throws when the store is closed or has failed. */
  assertUsable(): void {
    if (this.isFailed) throw failed(this.#cause);
    if (this.#state === "closed") throw closed();
  }

  /** Writes a change now; resolves when it is durable. */
  run(change: Change): Promise<void> {
    return new Promise((resolve, reject) => {
      this.assertUsable();
      if (this.#waiting >= sqliteStoreLimits.maxWaitingCommits) throw busy();
      this.#waiting += 1;
      const entry: Entry = {
        actorId: change.actorId,
        work: change.work,
        hides: change.hides ?? false,
        prunes: change.prunes ?? 0,
        callers: change.callers ?? 1,
        resolve,
        reject,
      };
      if (this.#held === undefined) this.#write(entry);
      else this.#held.push(entry);
    });
  }

  /**
   * Runs a read whose answer may leave the process: it resolves when what the read saw is durable.
   * `sees` tells which actor the answer speaks of, or that it says that one is absent.
   */
  async read<T>(read: () => T, sees: (value: T) => string | "absent" | "many"): Promise<T> {
    for (;;) {
      this.assertUsable();
      const value = this.now(read);
      const group = this.#isPending(sees(value)) ? (this.#open ?? this.#syncing) : undefined;
      if (group === undefined || (await group.settled)) return value;
    }
  }

  /** Runs a read of the newest content, durable or not. */
  now<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (isFatal(error)) this.fail(error);
      throw mapSqliteError(error);
    }
  }

  /** Resolves when nothing waits any more. */
  drain(): Promise<void> {
    if (this.#waiting === 0 && !this.#flushScheduled) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    if (this.#state === "open") this.#state = "closed";
  }

  /** Ends the store: nothing is retried, since a second sync may succeed without the data of the first. */
  fail(cause: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#cause = cause;
    this.#options.ports.log.error("store failed", { error: cause });
    this.#rollback();
    for (const group of [this.#syncing, this.#open]) {
      for (const entry of group?.written ?? []) this.#finish(entry, indeterminate(cause));
      for (const entry of group?.open ?? []) this.#finish(entry, failed(cause));
      group?.settle(false);
    }
    for (const entry of this.#held ?? []) this.#reject(entry, failed(cause));
    this.#syncing = undefined;
    this.#open = undefined;
    this.#held = undefined;
    this.#checkIdle();
  }

  #isPending(what: string): boolean {
    if (this.#pending.size === 0) return false;
    if (what === "many") return true;
    return what === "absent" ? this.#hiding > 0 : this.#pending.has(what);
  }

  /** Applies an entry in the open transaction, in a savepoint. */
  #write(entry: Entry): void {
    this.#open ??= newGroup();
    const group = this.#open;
    this.#scheduleFlush();
    try {
      if (!this.#options.inTransaction()) this.#sql.begin.run();
      this.#sql.savepoint.run();
      entry.work();
      this.#sql.release.run();
    } catch (error) {
      this.#writeFailed(group, entry, error);
      return;
    }
    group.open.push(entry);
    this.#see(entry);
    // Whoever hands in for several callers has gathered them already: their sync overlaps what follows.
    if (entry.callers > 1 && this.#syncing === undefined && this.#held === undefined) this.#flush();
  }

  #writeFailed(group: Group, entry: Entry, error: unknown): void {
    if (isFatal(error)) {
      this.#reject(entry, failed(error));
      this.fail(error);
      return;
    }
    if (!this.#options.inTransaction()) {
      // SQLite undoes the whole transaction when the disk is full: each gets one of its own.
      this.#replay(group, entry);
      return;
    }
    try {
      this.#sql.rollbackTo.run();
      this.#sql.release.run();
      this.#reject(entry, mapSqliteError(error));
    } catch (cause) {
      this.#reject(entry, failed(cause));
      this.fail(cause);
    }
  }

  /** Gives each of the entries whose transaction was undone, and `last`, a transaction of its own, in order. */
  #replay(group: Group, last?: Entry): void {
    const undone = group.open;
    group.open = [];
    group.intact = false;
    for (const entry of undone) this.#forget(entry);
    for (const entry of last === undefined ? undone : [...undone, last]) {
      if (this.isFailed) {
        this.#reject(entry, failed(this.#cause));
        continue;
      }
      try {
        this.#sql.begin.run();
        entry.work();
        this.#sql.commit.run();
        this.counters.transactions += 1;
        group.written.push(entry);
        this.#see(entry);
      } catch (error) {
        this.#rollback();
        this.#reject(entry, mapSqliteError(error));
        if (isFatal(error)) this.fail(error);
      }
    }
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#syncing !== undefined) return;
    this.#flushScheduled = true;
    this.#options.ports.tasks.macrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#syncing !== undefined) return;
    const group = this.#open;
    if (this.isFailed || group === undefined) return this.#checkIdle();
    this.#commit(group);
    this.#open = undefined;
    if (this.isFailed) return;
    if (group.written.length === 0) {
      group.settle(group.intact);
      return this.#checkIdle();
    }
    this.#syncing = group;
    try {
      const state = this.#walState();
      const hold = this.#options.onGroup(state);
      if (this.isFailed) return;
      if (hold !== undefined) this.#held = [];
      this.#sync(group, state, hold);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Commits the open transaction; when that fails for all, each entry is tried alone. */
  #commit(group: Group): void {
    if (!this.#options.inTransaction()) return;
    try {
      const prunes = group.open.reduce((sum, entry) => sum + entry.prunes, 0);
      if (prunes > 0) {
        this.#sql.pruneCalls.run(
          this.#options.ports.clock.now(),
          Math.min(prunes, sqliteStoreLimits.maxPrunedCalls),
        );
      }
      this.#sql.commit.run();
    } catch (error) {
      this.#rollback();
      if (isFatal(error)) this.fail(error);
      else this.#replay(group);
      return;
    }
    this.counters.transactions += 1;
    for (const entry of group.open) group.written.push(entry);
    group.open = [];
  }

  #walState(): WalState {
    const row = this.#sql.walState.get() ?? {};
    return { frames: integer(row, "log"), moved: integer(row, "checkpointed") };
  }

  /** After a failure: SQLite has often rolled back already. */
  #rollback(): void {
    if (!this.#options.inTransaction()) return;
    try {
      this.#sql.rollback.run();
    } catch (cause) {
      this.fail(cause);
    }
  }

  #sync(group: Group, state: WalState, hold: (() => Promise<void>) | undefined): void {
    const done = () => this.#synced(group, state, hold);
    const alone = group.written.length === 1 && (group.written[0]?.callers ?? 1) <= 1;
    // One lone caller after the other: only then has the event loop nothing else to do meanwhile.
    const wait = this.#options.wal.sync(alone && this.#wasAlone);
    this.#wasAlone = alone;
    if (wait === undefined) done();
    else wait.then(done).catch((error: unknown) => this.fail(error));
  }

  #synced(group: Group, state: WalState, hold: (() => Promise<void>) | undefined): void {
    if (this.isFailed) return;
    this.#syncing = undefined;
    this.counters.syncs += 1;
    this.counters.commits += group.written.length;
    this.#options.onSync?.({ walBytes: this.#options.walBytes(state.frames), commits: group.written.length });
    for (const entry of group.written) this.#finish(entry);
    group.settle(group.intact);
    if (this.#open !== undefined) this.#scheduleFlush();
    if (hold !== undefined) this.#holdWhile(hold);
    this.#checkIdle();
  }

  /** While held, new entries wait in a queue and nothing is being written or synced. */
  #holdWhile(hold: () => Promise<void>): void {
    this.counters.holds += 1;
    const release = () => {
      const entries = this.#held ?? [];
      this.#held = undefined;
      for (const entry of entries) {
        if (this.isFailed) this.#reject(entry, failed(this.#cause));
        else this.#write(entry);
      }
      this.#checkIdle();
    };
    hold().then(release, (error: unknown) => this.fail(error));
  }

  #see(entry: Entry): void {
    if (entry.hides) this.#hiding += 1;
    this.#pending.set(entry.actorId, (this.#pending.get(entry.actorId) ?? 0) + 1);
  }

  #forget(entry: Entry): void {
    if (entry.hides) this.#hiding -= 1;
    const count = (this.#pending.get(entry.actorId) ?? 0) - 1;
    if (count > 0) this.#pending.set(entry.actorId, count);
    else this.#pending.delete(entry.actorId);
  }

  #finish(entry: Entry, error?: unknown): void {
    this.#forget(entry);
    this.#waiting -= 1;
    if (error === undefined) entry.resolve();
    else entry.reject(error);
  }

  #reject(entry: Entry, error: unknown): void {
    this.#waiting -= 1;
    entry.reject(error);
  }

  #checkIdle(): void {
    if (this.#waiting > 0 || this.#flushScheduled) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function newGroup(): Group {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  return { open: [], written: [], intact: true, settled: promise, settle: resolve };
}
