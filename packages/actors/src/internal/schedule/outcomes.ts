import { HoldfastError } from "@holdfast/core";
import { defaultRetry } from "../../limits.ts";
import type { FireError } from "../../schedule.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { Fire } from "./fire.ts";
import type { HistoryRow, OneShotRow, RecurringRow, Row } from "./rows.ts";
import type { ScheduleTable } from "./table.ts";
import { advanceRow, firstAfter, retryDelay } from "./time/advance.ts";
import { latestUntil } from "./time/cadence.ts";

type OutcomesDependencies = Pick<ActorCore, "log" | "phase" | "ports">;

/** Records the start and end of runs, and advances their schedules. */
export class Outcomes {
  readonly #actor: OutcomesDependencies;
  readonly #table: ScheduleTable;

  constructor(actor: OutcomesDependencies, table: ScheduleTable) {
    this.#actor = actor;
    this.#table = table;
  }

  readonly randomFraction = (): number => {
    const bytes = this.#actor.ports.random.bytes(4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
  };

  /** The turn closes while the action continues: the record shows after a crash that it had started. */
  recordStart(fire: Fire): void {
    const row = this.#table.current(fire.row);
    fire.recorded = true;
    if (row === undefined) return;
    if (row.kind === "at") {
      this.#table.put({ ...row, attempts: fire.attempt, startedAt: fire.firedAt });
      return;
    }
    const entry = row.history.to;
    const added = this.#table.history.add(row, this.#entry(fire, undefined));
    fire.entry = row.maxHistory === 0 ? undefined : entry;
    this.#table.put(
      fire.manual || !isSameDueTime(row, fire)
        ? added
        : {
            ...added,
            attempts: fire.attempt,
            startedAt: fire.firedAt,
            ...(fire.entry === undefined ? {} : { runningEntry: fire.entry }),
          },
    );
  }

  /** Called when the action has ended or timed out. */
  settle(fire: Fire, error: HoldfastError | undefined): void {
    const row = this.#table.current(fire.row);
    if (row === undefined) return;
    // An error while the actor stops does not count against the action: it runs again, as after a crash.
    const wasInterrupted = error !== undefined && this.#actor.phase.status !== "ready";
    const reported = wasInterrupted ? interruptedError() : error;
    if (row.kind === "at") this.#settleOneShot(row, fire, reported, wasInterrupted);
    else this.#settleRecurring(row, fire, reported, wasInterrupted);
  }

  #settleOneShot(
    row: OneShotRow,
    fire: Fire,
    error: HoldfastError | undefined,
    wasInterrupted: boolean,
  ): void {
    if (error === undefined) return this.#table.delete(row);
    this.#report(row, error, fire.attempt);
    this.#retryOneShot({ ...row, attempts: fire.attempt }, error, wasInterrupted);
  }

  #retryOneShot(row: OneShotRow, error: HoldfastError, wasInterrupted: boolean): void {
    if (row.attempts >= defaultRetry.maxAttempts) return this.#failPermanently(row, error);
    const { startedAt: _began, ...rest } = row;
    this.#table.put({ ...rest, dueAt: this.#retryAt(defaultRetry, row.attempts, wasInterrupted) });
  }

  #settleRecurring(
    row: RecurringRow,
    fire: Fire,
    error: HoldfastError | undefined,
    wasInterrupted: boolean,
  ): void {
    const written = this.#recordEnd(row, fire, error);
    if (error !== undefined) this.#report(row, error, fire.attempt);
    if (fire.manual || !isSameDueTime(row, fire)) {
      const { startedAt: _began, runningEntry: _entry, ...rest } = written;
      this.#table.put(fire.manual ? written : rest);
      return;
    }
    const ran = { ...written, lastRunAt: fire.firedAt, attempts: fire.attempt };
    if (error !== undefined && this.#retryRecurring(ran, wasInterrupted)) return;
    this.advance(ran, fire.firedAt);
  }

  #recordEnd(row: RecurringRow, fire: Fire, error: HoldfastError | undefined): RecurringRow {
    const entry: HistoryRow = {
      ...this.#entry(fire, error === undefined ? "ok" : toFireError(error)),
      finishedAt: this.#actor.ports.clock.now(),
    };
    if (!fire.recorded) return this.#table.history.add(row, entry);
    if (fire.entry !== undefined) this.#table.history.replace(row, fire.entry, entry);
    return row;
  }

  /** Returns false if no attempts remain, or the next due time comes first. */
  #retryRecurring(row: RecurringRow, wasInterrupted: boolean): boolean {
    const retry = row.retry ?? (wasInterrupted ? defaultRetry : undefined);
    if (retry === undefined || row.attempts >= retry.maxAttempts) return false;
    const dueAt = this.#retryAt(retry, row.attempts, wasInterrupted);
    const next = firstAfter(row, Math.max(row.scheduledAt, this.#actor.ports.clock.now()));
    if (!wasInterrupted && next !== undefined && dueAt >= next) return false;
    const { startedAt: _began, runningEntry: _entry, ...rest } = row;
    this.#table.put({ ...rest, dueAt });
    return true;
  }

  /** The first interruption is retried immediately. */
  #retryAt(
    retry: { minMs: number; maxMs: number; maxAttempts: number },
    attempts: number,
    wasInterrupted: boolean,
  ): number {
    const pause = retryDelay(retry, attempts);
    return this.#actor.ports.clock.now() + (wasInterrupted && attempts === 1 ? 0 : pause);
  }

  /** Moves a schedule to its next due time, or ends it. */
  advance(row: RecurringRow, ranAt: number): void {
    const next = advanceRow(row, ranAt, this.randomFraction);
    if (next === undefined) this.finish(row);
    else this.#table.put(next);
  }

  /** Deletes a schedule that will not run again. */
  finish(row: RecurringRow): void {
    this.#actor.log.debug("schedule has ended", { schedule: row.name });
    this.#table.delete(row);
  }

  /** Skips the due times of a range. Computes only as many of them as the history has room for. */
  recordSkips(row: RecurringRow, from: number, until: number, now: number): RecurringRow {
    const { action } = row;
    const [first = from, ...later] = latestUntil(row.cadence, from, until, Math.max(1, row.maxHistory));
    let to = from;
    let written = row;
    for (const scheduledAt of [first, ...later]) {
      const entry: HistoryRow = { action, scheduledAt, firedAt: now, finishedAt: now, result: "skipped" };
      written = this.#table.history.add(written, entry);
      to = scheduledAt;
    }
    return { ...written, skipped: { from: row.skipped?.from ?? from, to } };
  }

  /** Called on wake for an attempt that started but has no recorded end. */
  recordInterruption(row: Row): void {
    const error = interruptedError();
    if (row.kind === "at") return this.#retryOneShot(row, error, true);
    const { startedAt = row.scheduledAt, runningEntry, action, scheduledAt } = row;
    if (runningEntry !== undefined) {
      this.#table.history.replace(row, runningEntry, {
        action,
        scheduledAt,
        firedAt: startedAt,
        finishedAt: this.#actor.ports.clock.now(),
        result: "error",
        error: toFireError(error),
      });
    }
    if (!this.#retryRecurring(row, true)) this.advance(row, startedAt);
  }

  deleteWithoutAction(row: Row): void {
    const { action } = row;
    const error = new HoldfastError("actor", "action_not_found", `There is no action "${action}"`);
    this.#actor.log.warn("schedule deleted because its action does not exist", {
      schedule: row.kind === "at" ? row.id : row.name,
      action,
    });
    if (row.kind === "at") this.#failPermanently(row, error);
    else this.#table.delete(row);
  }

  #failPermanently(row: OneShotRow, error: HoldfastError): void {
    const { id, action, args, scheduledAt, attempts } = row;
    const failedAt = this.#actor.ports.clock.now();
    this.#table.deadLetters.add({
      id,
      action,
      args,
      scheduledAt,
      failedAt,
      attempts,
      error: toFireError(error),
    });
    this.#table.delete(row);
    this.#actor.log.warn("schedule has failed permanently", { schedule: id, action, attempts });
  }

  #report(row: Row, error: HoldfastError, attempt: number): void {
    this.#actor.log.warn("scheduled action failed", {
      schedule: row.kind === "at" ? row.id : row.name,
      action: row.action,
      attempt,
      error: `${error.group}.${error.code}`,
    });
  }

  #entry(fire: Fire, outcome: "ok" | FireError | undefined): HistoryRow {
    const { row, firedAt, manual } = fire;
    return {
      action: row.action,
      scheduledAt: manual ? firedAt : row.scheduledAt,
      firedAt,
      result: outcome === undefined ? "running" : outcome === "ok" ? "ok" : "error",
      ...(typeof outcome === "object" ? { error: outcome } : {}),
    };
  }
}

/** True if a schedule is still at the due time of the run: it may have been changed since. */
function isSameDueTime(row: RecurringRow, fire: Fire): boolean {
  return row.scheduledAt === fire.row.scheduledAt;
}

/** Omits the actor of the error: the record belongs to it. */
function toFireError({ group, code, message, metadata }: HoldfastError): FireError {
  return { group, code, message, ...(metadata === undefined ? {} : { metadata }) };
}

function interruptedError(): HoldfastError {
  return new HoldfastError("schedule", "interrupted", "The actor stopped before the scheduled action ended");
}
