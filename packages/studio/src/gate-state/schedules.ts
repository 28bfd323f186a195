import { randomUUID } from "node:crypto";
import { type ActorKv, actor, type ScheduledFireInfo } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { SharedPluginAnswer, SharedPluginCall, SharedPluginHost } from "@holdfast/gate";
import { ToolError, type ToolInvocationResult } from "@holdfast/gate/plugin";
import {
  afterRun,
  createdResult,
  listResult,
  nameOf,
  nameTaken,
  noSuchSchedule,
  parseSchedule,
  retryDelayMs,
  type Schedule,
  scheduleLimits,
  tooManySchedules,
  triggerEvent,
} from "@holdfast/plugins/scheduler";
import { Alarm, type AlarmContext, type AlarmState, goOn, newAlarm, putOff } from "./alarm.ts";
import { type EarlierRows, takeOnce } from "./earlier-data/earlier-rows.ts";
import { answerOf } from "./tool-answers.ts";

/** A stored schedule, with the version of its format. */
export interface StoredSchedule extends Schedule {
  readonly version: 1;
  /** Identifies it for ever: a later one may have its name. */
  readonly id: string;
}

export interface SchedulesState extends AlarmState {
  version: 1;
  /** The group, as events name it; empty before the first call. */
  group: string;
}

const scheduleKey = (id: string) => `s/${id}`;

/** The schedules of a group in memory, by name. What changes is stored with the action. */
export class GroupSchedules {
  readonly #schedules = new Map<string, StoredSchedule>();
  readonly alarm = new Alarm(() => this.byTime[0]?.nextAt);

  async load(kv: Pick<ActorKv, "list">): Promise<void> {
    for (const [, text] of await kv.list("s/")) {
      const schedule = JSON.parse(text) as StoredSchedule;
      this.#schedules.set(schedule.name, schedule);
    }
  }

  get size(): number {
    return this.#schedules.size;
  }

  /** In the order in which they are due. */
  get byTime(): readonly StoredSchedule[] {
    return [...this.#schedules.values()].sort((a, b) => a.nextAt - b.nextAt);
  }

  has(name: string): boolean {
    return this.#schedules.has(name);
  }

  /** Whether it is neither deleted nor replaced. */
  isCurrent(schedule: StoredSchedule): boolean {
    return this.#schedules.get(schedule.name) === schedule;
  }

  async put(kv: Pick<ActorKv, "put">, schedule: StoredSchedule): Promise<void> {
    this.#schedules.set(schedule.name, schedule);
    await kv.put(scheduleKey(schedule.id), JSON.stringify(schedule));
  }

  /** The name under which a schedule from elsewhere is added; undefined if the same one is there. */
  freeName({ name, prompt, cron, everyMinutes }: Schedule): string | undefined {
    for (let count = 1; ; count++) {
      const suffix = count === 1 ? "" : ` ${count}`;
      const free = `${name.slice(0, 64 - suffix.length)}${suffix}`;
      const there = this.#schedules.get(free);
      if (there === undefined) return free;
      if (there.prompt === prompt && there.cron === cron && there.everyMinutes === everyMinutes)
        return undefined;
    }
  }

  /** Returns false if there is none of this name. */
  async delete(kv: Pick<ActorKv, "delete">, name: string): Promise<boolean> {
    const schedule = this.#schedules.get(name);
    if (schedule === undefined) return false;
    this.#schedules.delete(name);
    await kv.delete(scheduleKey(schedule.id));
    return true;
  }
}

/** What an action has of its context. */
interface SchedulesContext extends AlarmContext {
  readonly state: SchedulesState;
  readonly kv: ActorKv;
  readonly vars: { readonly schedules: GroupSchedules };
  readonly log: { warn(message: string, fields?: object): void };
}

/**
 * The schedules of one group, which any node lists, makes and deletes: the scheduler plugin without its process. A due one
 * is published by the gate of the node that runs this actor and then advanced, so that after a crash in between it is
 * published again with the same `run`, which the group takes once.
 */
export function createSchedulesActor({ clock }: Pick<Ports, "clock">, gate: SharedPluginHost) {
  const call = async (
    c: SchedulesContext,
    { tool, arguments: args, context }: SharedPluginCall,
  ): Promise<ToolInvocationResult> => {
    const { schedules } = c.vars;
    switch (tool) {
      case "schedule_create": {
        const schedule = parseSchedule(args, context, clock.now());
        if (schedules.size >= scheduleLimits.perGroup) throw tooManySchedules();
        if (schedules.has(schedule.name)) throw nameTaken();
        c.state.group = context.group;
        await schedules.put(c.kv, { version: 1, id: randomUUID(), ...schedule });
        await schedules.alarm.set(c);
        return { ok: true, result: createdResult(schedule) };
      }
      case "schedule_list":
        return listResult(schedules.byTime);
      case "schedule_delete": {
        const name = nameOf(args);
        if (!(await schedules.delete(c.kv, name))) throw noSuchSchedule();
        await schedules.alarm.set(c);
        return { ok: true, result: { deleted: name } };
      }
      default:
        throw new ToolError({ code: "HANDLER_ERROR", message: `Unknown tool: "${tool}"` });
    }
  };

  /** Publishes what is due until an event is refused: the group refuses the others, too. */
  const publishDue = async (c: SchedulesContext, now: number): Promise<void> => {
    const { schedules } = c.vars;
    for (const schedule of schedules.byTime.filter(({ nextAt }) => nextAt <= now)) {
      if (!schedules.isCurrent(schedule)) continue;
      try {
        await gate.publish("scheduler", triggerEvent(c.state.group, schedule, schedule.id));
      } catch (error) {
        if (!schedules.isCurrent(schedule)) continue;
        const delayMs = retryDelayMs(c.state.failures);
        const { group } = c.state;
        c.log.warn("a schedule could not be published; retrying", { group, delayMs, error });
        putOff(c, now, delayMs);
        return;
      }
      goOn(c);
      // It may have been deleted while its event was taken.
      if (schedules.isCurrent(schedule)) {
        const next = afterRun(schedule, now);
        if (next === undefined) await schedules.delete(c.kv, schedule.name);
        else await schedules.put(c.kv, { ...schedule, ...next });
      }
      await c.saveState();
    }
  };

  return actor({
    createState: (): SchedulesState => ({ version: 1, group: "", ...newAlarm() }),
    createVars: () => ({ schedules: new GroupSchedules() }),
    onWake: async (c) => {
      await c.vars.schedules.load(c.kv);
      await c.vars.schedules.alarm.restore(c);
    },
    options: { name: "Schedules", actionTimeout: 180_000 },
    actions: {
      internal: {
        invoke: (c, request: SharedPluginCall): Promise<SharedPluginAnswer> =>
          answerOf(() => call(c, request)),
        verify: (): void => {},
        /** Adds schedules that a node had before it was in a cluster; one whose name is taken gets a number. */
        async takeOver(c, group: string, request: EarlierRows<Schedule>): Promise<number> {
          const { schedules } = c.vars;
          const position = await takeOnce(c.kv, request, (rows) =>
            rows.flatMap((row) => {
              const name = schedules.freeName(row);
              if (name === undefined) return [];
              c.state.group = group;
              return [schedules.put(c.kv, { version: 1, id: randomUUID(), ...row, name })];
            }),
          );
          await schedules.alarm.set(c);
          return position;
        },
        /** Runs at the time of the alarm, by the clock of the store. */
        due: (c, { firedAt }: ScheduledFireInfo): Promise<void> =>
          c.vars.schedules.alarm.ring(c, firedAt, () => publishDue(c, firedAt)),
      },
    },
  });
}
