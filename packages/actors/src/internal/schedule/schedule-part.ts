import { type HoldfastError, isErrorCode, type Timer } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { InvokeCall } from "../../ports/instance.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { HotRecords, Part } from "../lifecycle/part.ts";
import { recordPrefix } from "../lifecycle/part.ts";
import { Cron } from "./cron-api.ts";
import { type Fire, fireInfo, type ScheduledRun } from "./fire.ts";
import type { ScheduleInspector } from "./inspected.ts";
import { createScheduleInspector } from "./inspector.ts";
import { Outcomes } from "./outcomes.ts";
import type { InspectedPlan } from "./plan.ts";
import { decodeArguments, type RecurringRow, type Row } from "./rows.ts";
import { Schedule } from "./schedule-api.ts";
import { rowName, ScheduleTable } from "./table.ts";
import { applyCatchUp, firstAfter, type RandomFraction } from "./time/advance.ts";

/** The actor that owns the schedules. */
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

/** Discards the result of a scheduled action. */
const discardResult = { begin: () => {}, chunk: () => {} };

/**
 * The schedules of one running actor. Due schedules run in order of time, each as a separate call. A schedule advances
 * in the commit of the last turn of its call, so an interrupted run is repeated.
 */
export class SchedulePart implements Part, InspectedPlan {
  readonly schedule: Schedule;
  readonly cron: Cron;
  readonly table: ScheduleTable;
  readonly #actor: ScheduleDependencies;
  readonly #outcomes: Outcomes;
  /** Current runs by row name; at most one per schedule. */
  readonly #activeFires = new Map<string, Fire>();
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #pumpScheduled = false;
  #rollback: (() => void) | undefined;
  #inspector: ScheduleInspector | undefined;

  constructor(actor: ScheduleDependencies) {
    this.#actor = actor;
    this.table = new ScheduleTable(actor.records);
    this.#outcomes = new Outcomes(actor, this.table);
    this.schedule = new Schedule(actor, this);
    this.cron = new Cron(actor, this);
    // If a transaction created this part, its rollback also empties the memory.
    if (actor.inTransaction) this.savepoint();
  }

  load(hot: HotRecords): void {
    this.table.load(hot.get(recordPrefix.schedule) ?? [], this.#actor.errors);
    for (const row of this.table.all) if (row.startedAt !== undefined) this.#outcomes.recordInterruption(row);
  }

  started(): void {
    this.arm();
  }

  closing(): void {
    if (this.#actor.phase.sealed) return;
    for (const fire of this.#activeFires.values()) {
      if (fire.entered && !fire.settled && !fire.recorded) this.#outcomes.recordStart(fire);
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

  get inspector(): ScheduleInspector {
    this.#inspector ??= createScheduleInspector(this.#actor, this);
    return this.#inspector;
  }

  get randomFraction(): RandomFraction {
    return this.#outcomes.randomFraction;
  }

  running(row: Row): Fire | undefined {
    const fire = this.#activeFires.get(rowName(row));
    return fire !== undefined && !fire.settled && fire.row.id === row.id ? fire : undefined;
  }

  /** Sets the timer to the next event. Does nothing while no run may start. */
  arm(): void {
    if (!this.#canStart || this.#pumpScheduled) return;
    const next = this.#nextEventAt();
    if (next === undefined) return this.#disarm();
    const delayMs = next - this.#actor.ports.clock.now();
    if (delayMs <= 0) return this.#schedulePump();
    if (this.#timer !== undefined && this.#timerAt === next) return;
    this.#disarm();
    this.#timerAt = next;
    this.#timer = this.#actor.ports.tasks.after(Math.min(delayMs, actorLimits.maxTimerMs), () => {
      this.#timer = undefined;
      this.arm();
    });
  }

  /** False while the actor starts or stops, and in a transaction, whose rollback may undo what made a schedule due. */
  get #canStart(): boolean {
    return this.#actor.phase.status === "ready" && !this.#actor.inTransaction;
  }

  /** Runs a recurring schedule now, in addition to its times. Returns false while it is running. */
  trigger(row: RecurringRow): boolean {
    if (this.#activeFires.has(rowName(row)) || this.#actor.phase.status !== "ready") return false;
    this.#start(row, true);
    return true;
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  /**
   * Starts each run in a separate macrotask: the code on the stack ends its turn first, and a run that awaits nothing
   * ends in the turn in which it started.
   */
  #schedulePump(): void {
    const { activity, ports } = this.#actor;
    this.#pumpScheduled = true;
    // Keeps the actor awake: if it slept before the run started, the same schedule would wake it again.
    activity.begin();
    let due: Iterator<Row> | undefined;
    const next = (): void => {
      let isOver = true;
      try {
        due ??= this.#due().values();
        isOver = !this.#pump(due);
      } finally {
        if (isOver) {
          this.#pumpScheduled = false;
          activity.end();
        }
      }
      if (isOver) this.arm();
      else ports.tasks.macrotask(next);
    };
    ports.tasks.macrotask(next);
  }

  /** The earliest time of a run or a skip. */
  #nextEventAt(): number | undefined {
    let next: number | undefined;
    const consider = (time: number | undefined): void => {
      if (time !== undefined && (next === undefined || time < next)) next = time;
    };
    if (this.#activeFires.size === 0) return this.table.earliest;
    for (const row of this.table.all) {
      if (row.kind === "recurring" && row.paused === true) continue;
      const fire = this.#activeFires.get(rowName(row));
      if (fire === undefined) consider(row.dueAt);
      else consider(this.#nextSkipAt(row, fire));
    }
    return next;
  }

  /** When the next due time of a running schedule has to be skipped. */
  #nextSkipAt(row: Row, fire: Fire): number | undefined {
    if (row.kind === "at") return undefined;
    return fire.settled || fire.row.id !== row.id ? row.dueAt : fire.nextSkipAt;
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

  /** Continues until a run starts. Returns false when nothing else is due. */
  #pump(due: Iterator<Row>): boolean {
    for (;;) {
      const { value: row, done } = due.next();
      if (done === true || !this.#canStart) return false;
      // An earlier run may have changed this row.
      if (this.table.current(row) !== row) continue;
      const fire = this.#activeFires.get(rowName(row));
      const now = this.#actor.ports.clock.now();
      if (fire === undefined) {
        if (this.#run(row, now)) return true;
      } else if (row.kind === "recurring") this.#skip(row, fire, now);
    }
  }

  /** Returns true if a run has started. */
  #run(row: Row, now: number): boolean {
    if (row.kind === "at") return this.#start(row, false);
    const chosen = applyCatchUp(row, now, this.#outcomes.randomFraction);
    if (chosen === undefined) {
      this.#outcomes.finish(row);
      return false;
    }
    if (chosen !== row) this.table.put(chosen);
    return chosen.dueAt <= now && this.#start(chosen, false);
  }

  /** Due times that arrive during a run are recorded as skipped; all that have passed are recorded together. */
  #skip(row: RecurringRow, fire: Fire, now: number): void {
    const time = this.#nextSkipAt(row, fire);
    if (time === undefined || time > now) return;
    if (fire.settled || fire.row.id !== row.id) {
      const { scheduledAt } = row;
      return this.#outcomes.advance(
        this.#outcomes.recordSkips(row, scheduledAt, scheduledAt, now),
        scheduledAt,
      );
    }
    const skipped = this.#outcomes.recordSkips(row, time, Math.min(now, row.endAt ?? now), now);
    this.table.put(skipped);
    fire.nextSkipAt = firstAfter(row, Math.max(time, skipped.skipped?.to ?? time));
  }

  /** Returns false if there was nothing to run. */
  #start(row: Row, manual: boolean): boolean {
    const actor = this.#actor;
    if (!actor.definition.actions.has(row.action)) {
      this.#outcomes.deleteWithoutAction(row);
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
      nextSkipAt:
        row.kind === "recurring" && !manual ? firstAfter(row, Math.max(row.scheduledAt, firedAt)) : undefined,
    };
    const name = rowName(row);
    this.#activeFires.set(name, fire);
    actor.turn.dirty = true;
    const ended = (error: HoldfastError | undefined): void => {
      this.#settle(fire, error);
      if (this.#activeFires.get(name) === fire) this.#activeFires.delete(name);
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
    const call = { name: row.action, args, scheduled, stream: discardResult };
    actor.instance.invoke(call).catch((error: unknown) => {
      // An action that has ended is settled by now. One that timed out may continue, and blocks the next run until it
      // ends.
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
    // It never started, so it is still due. A manual run is not repeated.
    if (error !== undefined && !fire.entered && !fire.manual && this.#actor.phase.status !== "ready") return;
    this.#outcomes.settle(fire, error);
  }
}
