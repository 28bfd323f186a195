import { HoldfastError, uuidv7 } from "@holdfast/core";
import type { ActorSchedule, DeadSchedule, ScheduledEventInfo } from "../../schedule.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { SchedulePlan } from "./plan.ts";
import { decodeArguments, type OneShotRow } from "./rows.ts";
import { assertAction, assertTimestamp, encodeArguments } from "./validate.ts";

type ScheduleApiDependencies = Pick<ActorCore, "definition" | "ports" | "state">;

/** Length of the time and version of a UUIDv7; twelve bits of a counter follow. */
const idTimeLength = "tttttttt-tttt-7".length;

/** `c.schedule`: the one-shot schedules of an actor. */
export class Schedule implements ActorSchedule {
  readonly #actor: ScheduleApiDependencies;
  readonly #part: SchedulePlan;
  #lastId = "";

  constructor(actor: ScheduleApiDependencies, part: SchedulePlan) {
    this.#actor = actor;
    this.#part = part;
  }

  async after(delayMs: number, action: string, ...args: unknown[]): Promise<string> {
    assertTimestamp(delayMs, "delayMs");
    return this.#add(this.#actor.ports.clock.now() + Math.max(0, Math.ceil(delayMs)), action, args);
  }

  async at(timestamp: number, action: string, ...args: unknown[]): Promise<string> {
    return this.#add(timestamp, action, args);
  }

  async cancel(id: string): Promise<boolean> {
    const row = this.#visible(id);
    if (row === undefined) return false;
    this.#part.table.delete(row);
    this.#part.arm();
    return true;
  }

  async get(id: string): Promise<ScheduledEventInfo | undefined> {
    const row = this.#visible(id);
    return row && eventInfo(row);
  }

  async list(): Promise<ScheduledEventInfo[]> {
    return [...this.#part.table.oneShots.values()]
      .filter((row) => this.#part.running(row) === undefined)
      .sort((a, b) => a.dueAt - b.dueAt)
      .map(eventInfo);
  }

  async deadLetters(): Promise<DeadSchedule[]> {
    const rows = await this.#part.table.deadLetters.list();
    return rows.map(({ args, ...row }) => ({ ...row, args: decodeArguments(args) }));
  }

  async retry(id: string): Promise<boolean> {
    assertRoom(this.#actor, this.#part);
    const dead = await this.#part.table.deadLetters.take(id);
    if (dead === undefined) return false;
    const { action, args, scheduledAt } = dead;
    const dueAt = this.#actor.ports.clock.now();
    this.#part.table.put({ kind: "at", id, action, args, scheduledAt, dueAt, attempts: 0 });
    this.#part.arm();
    return true;
  }

  /** A running one-shot is not listed: its outcome determines what happens next. */
  #visible(id: string): OneShotRow | undefined {
    const row = this.#part.table.oneShots.get(id);
    return row === undefined || this.#part.running(row) !== undefined ? undefined : row;
  }

  #add(time: number, action: string, args: readonly unknown[]): string {
    assertTimestamp(time, "timestamp");
    const encoded = encodeArguments(args.map((arg) => this.#actor.state.unwrap(arg)));
    const name = assertAction(action);
    assertRoom(this.#actor, this.#part);
    const id = this.#nextId();
    const dueAt = Math.ceil(time);
    this.#part.table.put({
      kind: "at",
      id,
      action: name,
      args: encoded,
      scheduledAt: dueAt,
      dueAt,
      attempts: 0,
    });
    this.#part.arm();
    return id;
  }

  /** Ids of the same millisecond also sort by age: a counter follows the time. */
  #nextId(): string {
    const { clock, random } = this.#actor.ports;
    const id = uuidv7(clock, random);
    const time = id.slice(0, idTimeLength);
    const before = this.#lastId.startsWith(time)
      ? Number.parseInt(this.#lastId.slice(idTimeLength, idTimeLength + 3), 16)
      : -1;
    const count = Math.min(before + 1, 0xfff)
      .toString(16)
      .padStart(3, "0");
    this.#lastId = `${time}${count}${id.slice(idTimeLength + 3)}`;
    return this.#lastId;
  }
}

/** Throws `schedule.max_schedules_exceeded`. Running one-shots do not count. */
export function assertRoom(actor: ScheduleApiDependencies, part: SchedulePlan): void {
  const { maxSchedules } = actor.definition.options;
  const { oneShots, recurring } = part.table;
  if (oneShots.size + recurring.size < maxSchedules) return;
  let waiting = recurring.size;
  for (const row of oneShots.values()) if (part.running(row) === undefined) waiting++;
  if (waiting < maxSchedules) return;
  const message = `Actor has reached its limit of ${maxSchedules} pending schedules.`;
  throw new HoldfastError("schedule", "max_schedules_exceeded", message, {
    metadata: { maximum: maxSchedules },
  });
}

function eventInfo(row: OneShotRow): ScheduledEventInfo {
  return { id: row.id, action: row.action, args: decodeArguments(row.args), runAt: row.dueAt };
}
