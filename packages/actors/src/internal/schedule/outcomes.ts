import { HoldfastError } from "@holdfast/core";
import { defaultRetry } from "../../limits.ts";
import type { FireError } from "../../schedule.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { Fire } from "./fire.ts";
import type { HistoryRow, OneShotRow, RecurringRow, Row } from "./rows.ts";
import type { ScheduleTable } from "./table.ts";
import { advancedRow, backoff, firstAfter } from "./time/advance.ts";
import { latestUntil } from "./time/cadence.ts";

type OutcomesDependencies = Pick<ActorCore, "log" | "phase" | "ports">;

/** Writes down how runs begin and end, and moves their schedules on. */
export class Outcomes {
  readonly #actor: OutcomesDependencies;
  readonly #table: ScheduleTable;

  constructor(actor: OutcomesDependencies, table: ScheduleTable) {
    this.#actor = actor;
    this.#table = table;
  }

  readonly draw = (): number => {
    const bytes = this.#actor.ports.random.bytes(4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
  };

  /** The turn closes and the action runs on: after a crash it is known that it had begun. */
  began(fire: Fire): void {
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
      fire.manual || !sameTime(row, fire)
        ? added
        : {
            ...added,
            attempts: fire.attempt,
            startedAt: fire.firedAt,
            ...(fire.entry === undefined ? {} : { runningEntry: fire.entry }),
          },
    );
  }

  /** The action has ended, or has timed out. */
  settle(fire: Fire, error: HoldfastError | undefined): void {
    const row = this.#table.current(fire.row);
    if (row === undefined) return;
    // An error while the actor stops says nothing of the action: it is run again, as after a crash.
    const cutOff = error !== undefined && this.#actor.phase.status !== "ready";
    const told = cutOff ? interrupted() : error;
    if (row.kind === "at") this.#settleOneShot(row, fire, told, cutOff);
    else this.#settleRecurring(row, fire, told, cutOff);
  }

  #settleOneShot(row: OneShotRow, fire: Fire, error: HoldfastError | undefined, cutOff: boolean): void {
    if (error === undefined) return this.#table.delete(row);
    this.#report(row, error, fire.attempt);
    this.#retryOneShot({ ...row, attempts: fire.attempt }, error, cutOff);
  }

  #retryOneShot(row: OneShotRow, error: HoldfastError, cutOff: boolean): void {
    if (row.attempts >= defaultRetry.maxAttempts) return this.#giveUp(row, error);
    const { startedAt: _began, ...rest } = row;
    this.#table.put({ ...rest, dueAt: this.#retryAt(defaultRetry, row.attempts, cutOff) });
  }

  #settleRecurring(row: RecurringRow, fire: Fire, error: HoldfastError | undefined, cutOff: boolean): void {
    const written = this.#writeEnd(row, fire, error);
    if (error !== undefined) this.#report(row, error, fire.attempt);
    if (fire.manual || !sameTime(row, fire)) {
      const { startedAt: _began, runningEntry: _entry, ...rest } = written;
      this.#table.put(fire.manual ? written : rest);
      return;
    }
    const ran = { ...written, lastRunAt: fire.firedAt, attempts: fire.attempt };
    if (error !== undefined && this.#retryRecurring(ran, cutOff)) return;
    this.advance(ran, fire.firedAt);
  }

  #writeEnd(row: RecurringRow, fire: Fire, error: HoldfastError | undefined): RecurringRow {
    const entry: HistoryRow = {
      ...this.#entry(fire, error === undefined ? "ok" : toFireError(error)),
      finishedAt: this.#actor.ports.clock.now(),
    };
    if (!fire.recorded) return this.#table.history.add(row, entry);
    if (fire.entry !== undefined) this.#table.history.replace(row, fire.entry, entry);
    return row;
  }

  /** False when it has no attempts left, or the next due time is nearer. */
  #retryRecurring(row: RecurringRow, cutOff: boolean): boolean {
    const retry = row.retry ?? (cutOff ? defaultRetry : undefined);
    if (retry === undefined || row.attempts >= retry.maxAttempts) return false;
    const dueAt = this.#retryAt(retry, row.attempts, cutOff);
    const next = firstAfter(row, Math.max(row.scheduledAt, this.#actor.ports.clock.now()));
    if (!cutOff && next !== undefined && dueAt >= next) return false;
    const { startedAt: _began, runningEntry: _entry, ...rest } = row;
    this.#table.put({ ...rest, dueAt });
    return true;
  }

  /** What was cut off for the first time is run again at once. */
  #retryAt(
    retry: { minMs: number; maxMs: number; maxAttempts: number },
    attempts: number,
    cutOff: boolean,
  ): number {
    const pause = backoff(retry, attempts);
    return this.#actor.ports.clock.now() + (cutOff && attempts === 1 ? 0 : pause);
  }

  /** Moves a schedule to its next due time, or ends it. */
  advance(row: RecurringRow, ranAt: number): void {
    const next = advancedRow(row, ranAt, this.draw);
    if (next === undefined) this.finish(row);
    else this.#table.put(next);
  }

  /** A schedule that is never due again. */
  finish(row: RecurringRow): void {
    this.#actor.log.debug("schedule has ended", { schedule: row.name });
    this.#table.delete(row);
  }

  /** Leaves out the due times from one to another. Only those that the history has room for are looked up. */
  skipped(row: RecurringRow, from: number, until: number, now: number): RecurringRow {
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

  /** Found at a wake: the attempt had begun and its end was never recorded. */
  cutOff(row: Row): void {
    const error = interrupted();
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

  actionMissing(row: Row): void {
    const { action } = row;
    const error = new HoldfastError("actor", "action_not_found", `There is no action "${action}"`);
    this.#actor.log.warn("schedule of an action that does not exist is deleted", {
      schedule: row.kind === "at" ? row.id : row.name,
      action,
    });
    if (row.kind === "at") this.#giveUp(row, error);
    else this.#table.delete(row);
  }

  #giveUp(row: OneShotRow, error: HoldfastError): void {
    const { id, action, args, scheduledAt, attempts } = row;
    const failedAt = this.#actor.ports.clock.now();
    this.#table.dead.add({ id, action, args, scheduledAt, failedAt, attempts, error: toFireError(error) });
    this.#table.delete(row);
    this.#actor.log.warn("schedule is given up", { schedule: id, action, attempts });
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

/** Whether a schedule is still at the due time that was run: it may have been set to another meanwhile. */
function sameTime(row: RecurringRow, fire: Fire): boolean {
  return row.scheduledAt === fire.row.scheduledAt;
}

/** Whose error it is, the record says by itself. */
function toFireError({ group, code, message, metadata }: HoldfastError): FireError {
  return { group, code, message, ...(metadata === undefined ? {} : { metadata }) };
}

function interrupted(): HoldfastError {
  return new HoldfastError("schedule", "interrupted", "The actor stopped before the scheduled action ended");
}
