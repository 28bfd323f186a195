import { type HoldfastError, isErrorCode, type Timer } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { InvokeCall } from "../../ports/instance.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { HotRecords, Part } from "../lifecycle/part.ts";
import { recordPrefix } from "../lifecycle/part.ts";
import { Cron } from "./cron-api.ts";
import { type Fire, fireInfo, type ScheduledRun } from "./fire.ts";
import type { ScheduleInspector } from "./inspected.ts";
import { scheduleInspector } from "./inspector.ts";
import { Outcomes } from "./outcomes.ts";
import type { InspectedPlan } from "./plan.ts";
import { decodeArguments, type RecurringRow, type Row } from "./rows.ts";
import { Schedule } from "./schedule-api.ts";
import { rowName, ScheduleTable } from "./table.ts";
import { applyCatchUp, firstAfter, type RandomFraction } from "./time/advance.ts";

/** The actor whose schedules they are. */
export interface ScheduleDependencies
  extends Pick<
    ActorCore,
    | "activity"
    | "definition"
    | "errors"
    | "inTransaction"
    | "log"
    | "phase"
    | "ports"
    | "queue"
    | "records"
    | "state"
    | "turn"
  > {
  readonly instance: { invoke(call: InvokeCall): Promise<Uint8Array> };
}

/** Takes the pieces of a result: it is made to its end, and nobody gets it. */
const nobody = { begin: () => {}, chunk: () => {} };

/**
 * The schedules of one running actor. What is due is run in order of time, each as a call of its own;
 * the schedule moves on in the commit of the last turn of that call, so that a run which was cut off
 * before it is run again.
 */
export class SchedulePart implements Part, InspectedPlan {
  readonly schedule: Schedule;
  readonly cron: Cron;
  readonly table: ScheduleTable;
  readonly #actor: ScheduleDependencies;
  readonly #outcomes: Outcomes;
  /** By the name of the row; one at a time for each. */
  readonly #fires = new Map<string, Fire>();
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #pumpSet = false;
  #rollback: (() => void) | undefined;
  #inspector: ScheduleInspector | undefined;

  constructor(actor: ScheduleDependencies) {
    this.#actor = actor;
    this.table = new ScheduleTable(actor.records);
    this.#outcomes = new Outcomes(actor, this.table);
    this.schedule = new Schedule(actor, this);
    this.cron = new Cron(actor, this);
    // Made in a transaction, it had nothing before: what fails there leaves nothing in memory either.
    if (actor.inTransaction) this.savepoint();
  }

  load(hot: HotRecords): void {
    this.table.load(hot.get(recordPrefix.schedule) ?? [], this.#actor.errors);
    for (const row of this.table.all) if (row.startedAt !== undefined) this.#outcomes.cutOff(row);
  }

  started(): void {
    this.arm();
  }

  closing(): void {
    if (this.#actor.phase.sealed) return;
    for (const fire of this.#fires.values()) {
      if (fire.entered && !fire.settled && !fire.recorded) this.#outcomes.began(fire);
    }
  }

  savepoint(): void {
    this.#rollback = this.table.checkpoint();
  }

  rollback(): void {
    this.#rollback?.();
    this.#rollback = undefined;
    this.arm();
  }

  keep(): void {
    this.#rollback = undefined;
    this.arm();
  }

  get wakeAt(): number | undefined {
    return this.table.earliest;
  }

  stopping(): void {
    this.#disarm();
  }

  stopped(): void {
    this.#disarm();
  }

  /** For whoever looks at the actor from outside. */
  get inspector(): ScheduleInspector {
    this.#inspector ??= scheduleInspector(this.#actor, this);
    return this.#inspector;
  }

  get draw(): RandomFraction {
    return this.#outcomes.draw;
  }

  running(row: Row): Fire | undefined {
    const fire = this.#fires.get(rowName(row));
    return fire !== undefined && !fire.settled && fire.row.id === row.id ? fire : undefined;
  }

  /** Sets the timer to what comes next. Nothing begins while it may not. */
  arm(): void {
    if (!this.#mayBegin || this.#pumpSet) return;
    const next = this.#next();
    if (next === undefined) return this.#disarm();
    const delayMs = next - this.#actor.ports.clock.now();
    if (delayMs <= 0) return this.#pumpSoon();
    if (this.#timer !== undefined && this.#timerAt === next) return;
    this.#disarm();
    this.#timerAt = next;
    this.#timer = this.#actor.ports.tasks.after(Math.min(delayMs, actorLimits.maxTimerMs), () => {
      this.#timer = undefined;
      this.arm();
    });
  }

  /** Not while the actor starts or stops; nor in a transaction, which may take back what has made it due. */
  get #mayBegin(): boolean {
    return this.#actor.phase.status === "ready" && !this.#actor.inTransaction;
  }

  /** Runs a recurring schedule now, beside its times. False while it runs. */
  trigger(row: RecurringRow): boolean {
    if (this.#fires.has(rowName(row)) || this.#actor.phase.status !== "ready") return false;
    this.#begin(row, true);
    return true;
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  /**
   * Each in a task of its own: what is on the stack ends its turn first, and a run that waits for nothing
   * ends in the turn in which it has begun.
   */
  #pumpSoon(): void {
    const { activity, ports } = this.#actor;
    this.#pumpSet = true;
    // Held awake: an actor that idled out before it began would be woken for the same again.
    activity.begin();
    let due: Iterator<Row> | undefined;
    const next = (): void => {
      let isOver = true;
      try {
        due ??= this.#due().values();
        isOver = !this.#pump(due);
      } finally {
        if (isOver) {
          this.#pumpSet = false;
          activity.end();
        }
      }
      if (isOver) this.arm();
      else ports.tasks.macrotask(next);
    };
    ports.tasks.macrotask(next);
  }

  /** The earliest time at which there is something to do. */
  #next(): number | undefined {
    let next: number | undefined;
    const look = (time: number | undefined): void => {
      if (time !== undefined && (next === undefined || time < next)) next = time;
    };
    if (this.#fires.size === 0) return this.table.earliest;
    for (const row of this.table.all) {
      if (row.kind === "recurring" && row.paused === true) continue;
      const fire = this.#fires.get(rowName(row));
      if (fire === undefined) look(row.dueAt);
      else look(this.#skipTime(row, fire));
    }
    return next;
  }

  /** When a due time of a schedule that runs has to be skipped. */
  #skipTime(row: Row, fire: Fire): number | undefined {
    if (row.kind === "at") return undefined;
    return fire.settled || fire.row.id !== row.id ? row.dueAt : fire.skipsAt;
  }

  #due(): Row[] {
    const now = this.#actor.ports.clock.now();
    return (
      this.table.all
        .filter((row) => row.dueAt <= now && (row.kind === "at" || row.paused !== true))
        // Those of one time run in the order in which they were made.
        .sort((a, b) => a.dueAt - b.dueAt)
    );
  }

  /** Goes on until a run begins. False when nothing is due any more. */
  #pump(due: Iterator<Row>): boolean {
    for (;;) {
      const { value: row, done } = due.next();
      if (done === true || !this.#mayBegin) return false;
      // What runs may have changed what comes after it.
      if (this.table.current(row) !== row) continue;
      const fire = this.#fires.get(rowName(row));
      const now = this.#actor.ports.clock.now();
      if (fire === undefined) {
        if (this.#run(row, now)) return true;
      } else if (row.kind === "recurring") this.#skip(row, fire, now);
    }
  }

  /** Whether a run has begun. */
  #run(row: Row, now: number): boolean {
    if (row.kind === "at") return this.#begin(row, false);
    const chosen = applyCatchUp(row, now, this.#outcomes.draw);
    if (chosen === undefined) {
      this.#outcomes.finish(row);
      return false;
    }
    if (chosen !== row) this.table.put(chosen);
    return chosen.dueAt <= now && this.#begin(chosen, false);
  }

  /** Due times that come while an earlier one still runs are recorded and left out, all that are over at once. */
  #skip(row: RecurringRow, fire: Fire, now: number): void {
    const time = this.#skipTime(row, fire);
    if (time === undefined || time > now) return;
    if (fire.settled || fire.row.id !== row.id) {
      const { scheduledAt } = row;
      return this.#outcomes.advance(this.#outcomes.skipped(row, scheduledAt, scheduledAt, now), scheduledAt);
    }
    const skipped = this.#outcomes.skipped(row, time, Math.min(now, row.endAt ?? now), now);
    this.table.put(skipped);
    fire.skipsAt = firstAfter(row, Math.max(time, skipped.skipped?.to ?? time));
  }

  /** False where there is nothing to run. */
  #begin(row: Row, manual: boolean): boolean {
    const actor = this.#actor;
    if (!actor.definition.actions.has(row.action)) {
      this.#outcomes.actionMissing(row);
      return false;
    }
    const firedAt = actor.ports.clock.now();
    const fire: Fire = {
      row,
      firedAt,
      attempt: manual ? 1 : row.attempts + 1,
      manual,
      entered: false,
      recorded: false,
      settled: false,
      entry: undefined,
      skipsAt:
        row.kind === "recurring" && !manual ? firstAfter(row, Math.max(row.scheduledAt, firedAt)) : undefined,
    };
    const name = rowName(row);
    this.#fires.set(name, fire);
    actor.turn.dirty = true;
    const ended = (error: HoldfastError | undefined): void => {
      this.#settle(fire, error);
      if (this.#fires.get(name) === fire) this.#fires.delete(name);
      this.arm();
    };
    let args: unknown[];
    try {
      args = decodeArguments(row.args);
    } catch (error) {
      ended(actor.errors.sanitize(error));
      return false;
    }
    const scheduled: ScheduledRun = {
      info: fireInfo(fire),
      entered: () => {
        fire.entered = true;
        actor.turn.dirty = true;
      },
      ended: (outcome) => ended(outcome.type === "error" ? outcome.error : undefined),
    };
    const call = { name: row.action, args, scheduled, stream: nobody };
    actor.instance.invoke(call).catch((error: unknown) => {
      // What ended is settled by now. What timed out may go on, and is in the way of the next until then.
      if (!isErrorCode(error, "actor", "action_timed_out")) ended(actor.errors.sanitize(error));
      else this.#settle(fire, error);
      actor.queue.close();
      this.arm();
    });
    return true;
  }

  #settle(fire: Fire, error: HoldfastError | undefined): void {
    if (fire.settled || this.#actor.phase.sealed) return;
    fire.settled = true;
    // It never ran and is as due as before; a run by hand is due at no other time.
    if (error !== undefined && !fire.entered && !fire.manual && this.#actor.phase.status !== "ready") return;
    this.#outcomes.settle(fire, error);
  }
}
