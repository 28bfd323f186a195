import type { ActorSchedule } from "@holdfast/actors";

/** The part of an actor's state that belongs to its alarm. */
export interface AlarmState {
  alarm: { readonly id: string; readonly at: number } | null;
  /** How often in a row the work of the alarm could not be done, and when it is tried again. */
  failures: number;
  retryAt: number;
}

/** What the alarm needs of an actor's context. */
export interface AlarmContext {
  readonly state: AlarmState;
  readonly schedule: ActorSchedule;
  saveState(): Promise<void>;
}

/** An alarm that rings again if the process ends during its work: longer than most work takes. */
const againMs = 60_000;

export function newAlarm(): AlarmState {
  return { alarm: null, failures: 0, retryAt: 0 };
}

/**
 * The one alarm of an actor, for work that is due at times of its own: it runs the action `internal.due` at the earliest
 * of them. It is set again before the work begins, so that no crash loses it.
 */
export class Alarm {
  readonly #next: () => number | undefined;
  #isWorking = false;

  /** `next` returns when the next work is due; undefined if there is none. */
  constructor(next: () => number | undefined) {
    this.#next = next;
  }

  /** Sets it to the next work, or to when failed work is tried again. Does nothing during the work, which ends with it. */
  async set(c: AlarmContext): Promise<void> {
    if (this.#isWorking) return;
    const next = this.#next();
    await this.#setTo(c, next === undefined ? undefined : Math.max(next, c.state.retryAt));
  }

  /** Sets it if it is lost: given up after attempts that each ended with their process. */
  async restore(c: AlarmContext): Promise<void> {
    const { alarm } = c.state;
    const isSet = alarm !== null && (await c.schedule.get(alarm.id)) !== undefined;
    if (isSet || this.#next() === undefined) return;
    c.state.alarm = null;
    await this.set(c);
  }

  /** Does the work of an alarm that rings at `now`. Throws what the work throws; then it rings again later. */
  async ring(c: AlarmContext, now: number, work: () => Promise<void>): Promise<void> {
    // The alarm rings during the work if that takes long.
    if (this.#isWorking) return;
    this.#isWorking = true;
    try {
      c.state.alarm = null;
      await this.#setTo(c, now + againMs);
      await c.saveState();
      await work();
    } finally {
      this.#isWorking = false;
    }
    await this.set(c);
  }

  async #setTo({ state, schedule }: AlarmContext, at: number | undefined): Promise<void> {
    if (state.alarm?.at === at) return;
    if (state.alarm !== null) await schedule.cancel(state.alarm.id);
    state.alarm = at === undefined ? null : { id: await schedule.at(at, "internal.due"), at };
  }
}

/** Notes that the work could not be done, and is tried again after `delayMs`. */
export function putOff({ state }: Pick<AlarmContext, "state">, now: number, delayMs: number): void {
  state.failures += 1;
  state.retryAt = now + delayMs;
}

/** Notes that the work could be done. */
export function goOn({ state }: Pick<AlarmContext, "state">): void {
  if (state.failures === 0) return;
  state.failures = 0;
  state.retryAt = 0;
}
