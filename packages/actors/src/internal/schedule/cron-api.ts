import { uuidv7 } from "@holdfast/core";
import type {
  ActorCron,
  CronFire,
  CronJobInfo,
  CronOptions,
  EveryOptions,
  HistoryOptions,
} from "../../schedule.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { SchedulePlan } from "./plan.ts";
import { decodeArguments, type RecurringRow } from "./rows.ts";
import { assertRoom } from "./schedule-api.ts";
import { createRow, resumeRow } from "./time/advance.ts";
import {
  assertName,
  parseCronOptions,
  parseEveryOptions,
  parseHistoryLimit,
  type RecurringSpec,
} from "./validate.ts";

type CronDependencies = Pick<ActorCore, "definition" | "ports" | "state">;

/** `c.cron`: the recurring schedules of an actor. */
export class Cron implements ActorCron {
  readonly #actor: CronDependencies;
  readonly #part: SchedulePlan;

  constructor(actor: CronDependencies, part: SchedulePlan) {
    this.#actor = actor;
    this.#part = part;
  }

  async set(options: CronOptions): Promise<void> {
    this.#set(parseCronOptions(this.#unwrapped(options)));
  }

  async every(options: EveryOptions): Promise<void> {
    this.#set(parseEveryOptions(this.#unwrapped(options), this.#actor.ports.clock.now()));
  }

  async get(name: string): Promise<CronJobInfo | undefined> {
    const row = this.#find(name);
    return row && jobInfo(row);
  }

  async list(): Promise<CronJobInfo[]> {
    return [...this.#part.table.recurring.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(jobInfo);
  }

  async delete(name: string): Promise<boolean> {
    const row = this.#find(name);
    if (row === undefined) return false;
    this.#part.table.delete(row);
    this.#part.arm();
    return true;
  }

  async history(name: string, options?: HistoryOptions | null): Promise<CronFire[]> {
    const limit = parseHistoryLimit(options?.limit);
    const row = this.#find(name);
    return row === undefined ? [] : this.#part.table.history.list(row, limit);
  }

  async pause(name: string): Promise<boolean> {
    const row = this.#find(name);
    if (row === undefined) return false;
    if (row.paused !== true) this.#part.table.put({ ...row, paused: true });
    this.#part.arm();
    return true;
  }

  async resume(name: string): Promise<boolean> {
    const row = this.#find(name);
    if (row === undefined) return false;
    if (row.paused !== true) return true;
    const resumed = resumeRow(row, this.#actor.ports.clock.now(), this.#part.randomFraction);
    if (resumed === undefined) this.#part.table.delete(row);
    else this.#part.table.put(resumed);
    this.#part.arm();
    return true;
  }

  #set(spec: RecurringSpec): void {
    const { clock, random } = this.#actor.ports;
    const before = this.#part.table.recurring.get(spec.name);
    if (before === undefined) assertRoom(this.#actor, this.#part);
    const row = createRow(spec, before, uuidv7(clock, random), clock.now(), this.#part.randomFraction);
    this.#part.table.put(this.#part.table.history.trim(row, row.maxHistory));
    this.#part.arm();
  }

  #find(name: string): RecurringRow | undefined {
    assertName(name);
    return this.#part.table.recurring.get(name);
  }

  #unwrapped<Options extends CronOptions | EveryOptions>(options: Options): Options {
    if (!Array.isArray(options?.args)) return options;
    return { ...options, args: options.args.map((arg: unknown) => this.#actor.state.unwrap(arg)) };
  }
}

export function jobInfo(row: RecurringRow): CronJobInfo {
  const { name, action, dueAt, lastRunAt, maxHistory, cadence } = row;
  const { paused, startAt, endAt, jitterMs, catchUp, retry } = row;
  return {
    name,
    action,
    args: decodeArguments(row.args),
    nextRunAt: dueAt,
    lastRunAt,
    maxHistory,
    ...(paused === undefined ? {} : { paused }),
    ...(startAt === undefined ? {} : { startAt }),
    ...(endAt === undefined ? {} : { endAt }),
    ...(jitterMs === undefined ? {} : { jitterMs }),
    ...(catchUp === undefined ? {} : { catchUp }),
    ...(retry === undefined ? {} : { retry }),
    ...(cadence.kind === "cron"
      ? { kind: cadence.kind, expression: cadence.expression, timezone: cadence.timezone }
      : { kind: cadence.kind, interval: cadence.interval }),
  };
}
