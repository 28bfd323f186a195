import type { ActorInstance, ActorStore, StopReason } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { Directory } from "@holdfast/server/embedded";
import { serverLimits } from "@holdfast/server/embedded";
import { durableObjectLimits } from "../limits.ts";
import type { ObjectStorage } from "../platform.ts";

export interface AlarmClockOptions {
  readonly storage: Pick<ObjectStorage, "setAlarm" | "deleteAlarm">;
  readonly store: Pick<ActorStore, "due">;
  readonly ports: Ports;
  readonly directory: Directory;
}

/**
 * The one alarm of an object. While the actor sleeps, it is the time at which it has to be woken. While the actor is in
 * memory and has its own timers, the alarm rings at intervals: that keeps the object in memory, and after a crash wakes
 * the actor for what was due.
 */
export class AlarmClock {
  readonly #options: AlarmClockOptions;
  #failures = 0;

  constructor(options: AlarmClockOptions) {
    this.#options = options;
  }

  started(instance: ActorInstance): void {
    const { ports } = this.#options;
    this.#set(ports.clock.now() + durableObjectLimits.keepAwakeMs);
    instance.stopped
      .then((reason) => this.#stopped(reason))
      .catch((error: unknown) => ports.log.error("the alarm could not be set", { error }));
  }

  /** Called when the alarm rings. It does not throw for an actor that fails: the platform gives up after a few retries. */
  async ring(): Promise<void> {
    const { store, ports, directory } = this.#options;
    const now = ports.clock.now();
    if (directory.size > 0) return this.#set(now + durableObjectLimits.keepAwakeMs);
    try {
      const { actors } = await store.due(now, 1);
      for (const { name, key } of actors)
        await directory.inspect({ type: "get", name, key }, () => undefined);
      this.#failures = 0;
      if (actors.length === 0) await this.#setForDue(0);
    } catch (error) {
      await this.#failed(error);
    }
  }

  async #failed(error: unknown): Promise<void> {
    const { minAlarmRetryMs, maxAlarmRetryMs } = serverLimits;
    const { log } = this.#options.ports;
    const pauseMs = Math.min(maxAlarmRetryMs, minAlarmRetryMs * 2 ** Math.min(this.#failures++, 20));
    log[this.#failures === 1 ? "warn" : "debug"]("actor could not be woken for its schedule", {
      attempts: this.#failures,
      pauseMs,
      error,
    });
    await this.#setForDue(pauseMs);
  }

  async #stopped(reason: StopReason): Promise<void> {
    if (this.#options.directory.size > 0) return;
    // A retry at once would fail for the same reason.
    const isBroken = reason === "failed" || reason === "fenced";
    await this.#setForDue(isBroken ? serverLimits.minAlarmRetryMs : 0);
  }

  /** Sets the alarm for the next due time, `pauseMs` from now at the earliest; none if nothing is due. */
  async #setForDue(pauseMs: number): Promise<void> {
    const { storage, store, ports } = this.#options;
    const now = ports.clock.now();
    const { nextAt } = await store.due(now, 0);
    if (nextAt === undefined) await storage.deleteAlarm();
    else this.#set(Math.max(nextAt, now + pauseMs));
  }

  /** The platform's output gate waits for it, as for any write, and resets the object if it fails. */
  #set(at: number): void {
    const { storage, ports } = this.#options;
    storage.setAlarm(at).catch((error: unknown) => ports.log.error("the alarm could not be set", { error }));
  }
}
