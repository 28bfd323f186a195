import type { Ports } from "@holdfast/core";
import { sqliteStoreLimits } from "../../limits.ts";
import type { SyncEvent } from "../../sync.ts";
import { CallPruner } from "../call-pruner.ts";
import { busy, closed, failed, indeterminate, isFatal, mapSqliteError } from "../errors.ts";
import { integer } from "../rows.ts";
import type { Statements } from "../statements.ts";
import type { Wal } from "./wal.ts";

/** A change that waits to become durable. */
interface Entry {
  readonly actorId: string;
  readonly work: () => void;
  readonly fastPath: (() => boolean) | undefined;
  /** True if it removes the actor: until it is durable, its absence must not be reported. */
  readonly hides: boolean;
  readonly prunes: number;
  readonly callers: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Maximum number of running syncs. The second covers what was written since the first began, and the disk does much of
 * the work of both together.
 */
const maxSyncs = 2;

/** With this many callers, a sync begins without waiting for more: it overlaps the work of the others. */
const fullGroup = 64;

/** Up to this many callers, space in the log is preallocated. */
const fewCallers = 16;

/** Changes that one sync makes durable. */
interface Group {
  /** Written in the open transaction. */
  open: Entry[];
  /** Committed to the WAL, but not synced. */
  readonly written: Entry[];
  /** Number of callers that wait for it, including those of failed changes. */
  callers: number;
  /** False once a write that a reader may have seen was undone. */
  intact: boolean;
  /** Its own sync has succeeded; that of an older group may be running. */
  synced: boolean;
  /** Size of the WAL with the writes of this group. */
  walFrames: number;
  /** Promise that further commits wait for after this group is durable. */
  hold: (() => Promise<void>) | undefined;
  /** Resolves with `intact` after the sync. */
  readonly settled: Promise<boolean>;
  readonly settle: (intact: boolean) => void;
}

export interface Change {
  readonly actorId: string;
  readonly work: () => void;
  /**
   * A quicker way to apply the change, without a savepoint. Returns false if it does not apply, and nothing was
   * written. If it throws, the open transaction is undone and each change gets one of its own.
   */
  readonly fastPath?: () => boolean;
  readonly hides?: boolean;
  /** Number of expired call records that may be removed on behalf of this change. */
  readonly prunes?: number;
  /** Number of callers that wait for this change, 1 by default: turns of one actor may share one. */
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
  /** Space is not preallocated beyond this size. */
  readonly maxWalBytes: number;
  readonly onSync?: (event: SyncEvent) => void;
  /** Called when a write of the open transaction is rolled back. */
  readonly onUndone: () => void;
  /** Called with the size of the WAL after each group; a returned promise holds further commits until it resolves. */
  readonly onGroup: (state: WalState) => (() => Promise<void>) | undefined;
}

/**
 * Group commit. Changes that arrive while a sync runs, or within one turn of the event loop, share a transaction. Each
 * has a savepoint of its own, so that a failed one does not affect the others. One sync makes all of them durable, and
 * they resolve in order. Once half as many callers wait as the running sync serves, the next sync begins beside it.
 *
 * A change is written during the call to `run`: later calls see it, and changes keep their order.
 */
export class GroupCommitter {
  readonly #options: GroupOptions;
  readonly #sql: Statements;
  #open: Group | undefined;
  /** Groups that are written but not durable, oldest first. */
  readonly #syncing: Group[] = [];
  #flushScheduled = false;
  /** True if the last group had one caller. */
  #wasAlone = true;
  #held: Entry[] | undefined;
  readonly #calls: CallPruner;
  #waiting = 0;
  #hiddenRemovals = 0;
  #pending = new Map<string, number>();
  #state: "open" | "closed" | "failed" = "open";
  #cause: unknown;
  #idle: (() => void)[] = [];
  readonly counters = { commits: 0, transactions: 0, syncs: 0, holds: 0 };

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#sql = options.sql;
    this.#calls = new CallPruner(options.sql);
  }

  get isFailed(): boolean {
    return this.#state === "failed";
  }

  /** Throws if the store is closed or has failed. */
  assertUsable(): void {
    if (this.isFailed) throw failed(this.#cause);
    if (this.#state === "closed") throw closed();
  }

  /** Writes a change immediately; resolves when it is durable. */
  run(change: Change): Promise<void> {
    return new Promise((resolve, reject) => {
      this.assertUsable();
      if (this.#waiting >= sqliteStoreLimits.maxWaitingCommits) throw busy();
      this.#waiting += 1;
      const entry: Entry = {
        actorId: change.actorId,
        work: change.work,
        fastPath: change.fastPath,
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
   * Runs a read whose result may leave the process: resolves when everything that it saw is durable. `sees` returns
   * the actor that the result is about, or states that an actor is absent.
   */
  async read<T>(read: () => T, sees: (value: T) => string | "absent" | "many"): Promise<T> {
    for (;;) {
      this.assertUsable();
      const value = this.readUnsynced(read);
      const group = this.isPending(sees(value)) ? (this.#open ?? this.#syncing.at(-1)) : undefined;
      if (group === undefined || (await group.settled)) return value;
    }
  }

  /** Runs a read of the newest content, durable or not. */
  readUnsynced<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (isFatal(error)) this.fail(error);
      throw mapSqliteError(error);
    }
  }

  /** Resolves when no change waits any more. */
  drain(): Promise<void> {
    if (this.#waiting === 0 && !this.#flushScheduled) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    if (this.#state === "open") this.#state = "closed";
  }

  /** Fails the store. Nothing is retried, since a second sync may succeed without the data of the first. */
  fail(cause: unknown): void {
    // Also while the store is closing: closing waits for these callers.
    if (this.isFailed) return;
    this.#state = "failed";
    this.#cause = cause;
    this.#options.ports.log.error("store failed", { error: cause });
    this.#rollback();
    const groups = this.#syncing.splice(0);
    if (this.#open !== undefined) groups.push(this.#open);
    for (const group of groups) {
      for (const entry of group.written) this.#finish(entry, indeterminate(cause));
      for (const entry of group.open) this.#finish(entry, failed(cause));
      group.settle(false);
    }
    for (const entry of this.#held ?? []) this.#reject(entry, failed(cause));
    this.#open = undefined;
    this.#held = undefined;
    this.#checkIdle();
  }

  /** True if a write of this actor, or of what {@link read} names, is not durable yet. */
  isPending(what: string): boolean {
    if (this.#pending.size === 0) return false;
    if (what === "many") return true;
    return what === "absent" ? this.#hiddenRemovals > 0 : this.#pending.has(what);
  }

  /** Applies a change in the open transaction. */
  #write(entry: Entry): void {
    this.#open ??= newGroup();
    const group = this.#open;
    group.callers += entry.callers;
    this.#scheduleFlush();
    let inSavepoint = false;
    try {
      if (!this.#options.inTransaction()) this.#sql.begin.run();
      if (entry.fastPath?.() !== true) {
        this.#sql.savepoint.run();
        inSavepoint = true;
        entry.work();
        this.#sql.release.run();
      }
    } catch (error) {
      this.#writeFailed(group, entry, error, inSavepoint);
      return;
    }
    group.open.push(entry);
    this.#addPending(entry);
    // An entry for several callers is already a batch: its sync overlaps the next changes.
    const isFull = group.callers >= fullGroup && this.#syncing.length === 0;
    if ((entry.callers > 1 || isFull) && this.#held === undefined) this.#flush();
  }

  #writeFailed(group: Group, entry: Entry, error: unknown, inSavepoint: boolean): void {
    this.#options.onUndone();
    if (isFatal(error)) {
      this.#reject(entry, failed(error));
      this.fail(error);
      return;
    }
    if (!inSavepoint || !this.#options.inTransaction()) {
      // On a full disk SQLite rolls back the complete transaction: each change gets one of its own.
      this.#rollback();
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

  /** Runs each change whose transaction was rolled back, and then `last`, in a transaction of its own. */
  #replay(group: Group, last?: Entry): void {
    const undone = group.open;
    group.open = [];
    group.intact = false;
    for (const entry of undone) this.#removePending(entry);
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
        this.#addPending(entry);
      } catch (error) {
        this.#rollback();
        this.#reject(entry, mapSqliteError(error));
        if (isFatal(error)) this.fail(error);
      }
    }
  }

  /** True if the open transaction may begin its sync now. */
  get #maySync(): boolean {
    const last = this.#syncing.at(-1);
    if (last === undefined) return true;
    return this.#syncing.length < maxSyncs && 2 * (this.#open?.callers ?? 0) >= last.callers;
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || !this.#maySync) return;
    this.#flushScheduled = true;
    this.#options.ports.tasks.macrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#maySync) return;
    const group = this.#open;
    if (this.isFailed || group === undefined) return this.#checkIdle();
    this.#commit(group);
    this.#open = undefined;
    if (this.isFailed) return;
    if (group.written.length === 0) {
      group.settle(group.intact);
      return this.#checkIdle();
    }
    this.#syncing.push(group);
    try {
      const state = this.#walState();
      group.walFrames = state.frames;
      group.hold = this.#options.onGroup(state);
      if (this.isFailed) return;
      if (group.hold !== undefined) this.#held = [];
      // Preallocating costs more than it saves when many share the sync.
      if (group.callers <= fewCallers) {
        this.#options.wal.reserve(this.#options.walBytes(state.frames), this.#options.maxWalBytes);
      }
      this.#sync(group);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Commits the open transaction; if that fails, tries each change alone. */
  #commit(group: Group): void {
    if (!this.#options.inTransaction()) return;
    try {
      this.#prune(group);
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

  /** Removes expired call records, as many as the changes allow. */
  #prune(group: Group): void {
    let paid = 0;
    for (const entry of group.open) paid += entry.prunes;
    if (paid === 0) return;
    this.#calls.prune(this.#options.ports.clock.now(), Math.min(paid, sqliteStoreLimits.maxPrunedCalls));
  }

  #walState(): WalState {
    const row = this.#sql.walState.get() ?? {};
    return { frames: integer(row, "log"), moved: integer(row, "checkpointed") };
  }

  /** Called after a failure: SQLite has often rolled back already. */
  #rollback(): void {
    this.#options.onUndone();
    if (!this.#options.inTransaction()) return;
    try {
      this.#sql.rollback.run();
    } catch (cause) {
      this.fail(cause);
    }
  }

  #sync(group: Group): void {
    const done = () => this.#onSynced(group);
    const alone = group.callers === 1 && this.#syncing.length === 1;
    // With one caller at a time, the event loop has nothing else to do in the meantime.
    const wait = this.#options.wal.sync(alone && this.#wasAlone);
    if (group.callers > 0) this.#wasAlone = alone;
    if (wait === undefined) done();
    else wait.then(done).catch((error: unknown) => this.fail(error));
  }

  /** A group is durable when its sync and those of all older groups have succeeded. */
  #onSynced(group: Group): void {
    if (this.isFailed) return;
    group.synced = true;
    for (let first = this.#syncing[0]; first?.synced === true; first = this.#syncing[0]) {
      this.#syncing.shift();
      this.#onDurable(first);
    }
    if (this.#open !== undefined) this.#scheduleFlush();
    this.#checkIdle();
  }

  #onDurable(group: Group): void {
    this.counters.syncs += 1;
    this.counters.commits += group.written.length;
    const walBytes = this.#options.walBytes(group.walFrames);
    this.#options.onSync?.({ walBytes, commits: group.written.length });
    for (const entry of group.written) this.#finish(entry);
    group.settle(group.intact);
    if (group.hold !== undefined) this.#holdWhile(group.hold);
  }

  /** While commits are held, new changes wait in a queue, and nothing is written or synced. */
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

  #addPending(entry: Entry): void {
    if (entry.hides) this.#hiddenRemovals += 1;
    this.#pending.set(entry.actorId, (this.#pending.get(entry.actorId) ?? 0) + 1);
  }

  #removePending(entry: Entry): void {
    if (entry.hides) this.#hiddenRemovals -= 1;
    const count = (this.#pending.get(entry.actorId) ?? 0) - 1;
    if (count > 0) this.#pending.set(entry.actorId, count);
    else this.#pending.delete(entry.actorId);
  }

  #finish(entry: Entry, error?: unknown): void {
    this.#removePending(entry);
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
  const { promise: settled, resolve: settle } = Promise.withResolvers<boolean>();
  const progress = { callers: 0, intact: true, synced: false, walFrames: 0, hold: undefined };
  return { open: [], written: [], ...progress, settled, settle };
}
