import type { ActorRecord, ActorStore, DueCursor, DueFilter, StopReason } from "@holdfast/actors";
import { isHoldfastError, type Ports, type Timer } from "@holdfast/core";
import { serverLimits } from "../limits.ts";

export interface AlarmsOptions {
  readonly store: Pick<ActorStore, "due">;
  readonly ports: Ports;
  /** True if the actor is in memory or being loaded: then it arms its own timers. */
  isAwake(id: string): boolean;
  /** Selects the actors that this node wakes; undefined if these are all. */
  filter(): DueFilter | undefined;
  /** False if another node wakes the actor after all: its lease has changed since. */
  isHere(record: ActorRecord): boolean;
  /** Maximum time between two readings of the store, in milliseconds, where other processes write to it too. */
  pollMs(): number;
  /** Resolves when the actor is in memory and handles what is due. */
  wake(record: ActorRecord): Promise<void>;
}

interface Failure {
  readonly attempts: number;
  readonly retryAt: number;
}

/**
 * Wakes sleeping actors when they are due, with one timer for the earliest time in the store. The timer alone is never
 * trusted: clocks jump both ways, so the clock is checked at least once a minute.
 */
export class Alarms {
  readonly #options: AlarmsOptions;
  /** Actors that are being woken. */
  readonly #waking = new Set<string>();
  readonly #failures = new Map<string, Failure>();
  #timer: Timer | undefined;
  /** The time the timer is set for. */
  #nextAt = Number.POSITIVE_INFINITY;
  #storeFailures = 0;
  #pass: Promise<void> | undefined;
  /** True if the store has to be read again after the current pass. */
  #again = false;
  #room: (() => void) | undefined;
  #state: "new" | "running" | "stopped" = "new";

  constructor(options: AlarmsOptions) {
    this.#options = options;
  }

  /** Starts, with everything that became due while the process was down. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.look();
  }

  /** Stops waking actors; resolves when running reads have ended. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#disarm();
    this.#room?.();
    await this.#pass;
  }

  /** Called when an actor has left memory; `wakeAt` is when it has to be woken. */
  left(id: string, reason: StopReason, wakeAt: number | undefined): void {
    if (reason === "slept" && wakeAt !== undefined) this.expect(wakeAt);
    if (reason !== "failed" && reason !== "fenced") return;
    // Its wake-up time may not be stored. Retried later, because an immediate retry would fail for the same reason.
    const retryAt = this.#options.ports.clock.now() + serverLimits.minAlarmRetryMs;
    this.#failures.set(id, { attempts: this.#failures.get(id)?.attempts ?? 0, retryAt });
    this.expect(retryAt);
  }

  /** Called when a sleeping actor gets the wake-up time `wakeAt`. */
  expect(wakeAt: number): void {
    if (this.#state !== "running" || wakeAt >= this.#nextAt) return;
    this.#arm(wakeAt);
  }

  /** Reads the store again: an earlier time may have been set. */
  look(): void {
    if (this.#state !== "running") return;
    this.#again = true;
    this.#pass ??= this.#passes().finally(() => {
      this.#pass = undefined;
    });
  }

  async #passes(): Promise<void> {
    while (this.#again && this.#state === "running") {
      this.#again = false;
      this.#disarm();
      try {
        const next = await this.#wakeDue();
        this.#storeFailures = 0;
        const poll = this.#options.ports.clock.now() + this.#options.pollMs();
        this.#arm(Math.min(next ?? Number.POSITIVE_INFINITY, this.#nextRetry(), this.#nextAt, poll));
      } catch (error) {
        this.#storeFailed(error);
      }
    }
  }

  /** Wakes all due actors; returns the next wake-up time. */
  async #wakeDue(): Promise<number | undefined> {
    const { store, ports } = this.#options;
    const now = ports.clock.now();
    const filter = this.#options.filter();
    if (filter !== undefined && selectsNone(filter)) return undefined;
    let after: DueCursor | undefined;
    while (this.#state === "running") {
      const page = await store.due(now, serverLimits.alarmBatch, after, filter);
      for (const record of page.actors) {
        if (this.#isDue(record, now)) await this.#begin(record);
        if (this.#state !== "running") return undefined;
      }
      const last = page.actors.at(-1);
      if (last === undefined) {
        this.#forgetFailures(now);
        return page.nextAt;
      }
      after = { wakeAt: last.wakeAt ?? now, id: last.id };
    }
    return undefined;
  }

  #isDue(record: ActorRecord, now: number): boolean {
    const { id } = record;
    if (this.#waking.has(id) || this.#options.isAwake(id) || !this.#options.isHere(record)) return false;
    return (this.#failures.get(id)?.retryAt ?? now) <= now;
  }

  /** Starts to wake one actor as soon as the limit allows it. */
  async #begin(record: ActorRecord): Promise<void> {
    while (this.#waking.size >= serverLimits.maxConcurrentWakes && this.#state === "running") {
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
    }
    if (this.#state !== "running") return;
    void this.#wake(record);
  }

  async #wake(record: ActorRecord): Promise<void> {
    const { ports } = this.#options;
    const { id } = record;
    this.#waking.add(id);
    const leave = (): void => {
      this.#waking.delete(id);
      this.#room?.();
      this.#room = undefined;
    };
    // An actor that hangs in its hooks must not keep the others asleep.
    const timer = ports.tasks.after(serverLimits.wakeTimeoutMs, leave);
    try {
      await this.#options.wake(record);
      this.#failures.delete(id);
    } catch (error) {
      this.#failed(record, error);
    } finally {
      timer.cancel();
      leave();
    }
  }

  #failed(record: ActorRecord, error: unknown): void {
    if (this.#state !== "running") return;
    const { clock, log } = this.#options.ports;
    const attempts = (this.#failures.get(record.id)?.attempts ?? 0) + 1;
    const retryAt = clock.now() + pauseMs(attempts);
    this.#failures.set(record.id, { attempts, retryAt });
    log[attempts === 1 ? "warn" : "debug"]("actor could not be woken for its schedule", {
      actorId: record.id,
      actor: record.name,
      attempts,
      retryAt,
      error: isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error",
    });
    this.expect(retryAt);
  }

  /** Actors whose retry time has come, and which are not due any more. */
  #forgetFailures(now: number): void {
    for (const [id, { retryAt }] of this.#failures) {
      if (retryAt <= now && !this.#waking.has(id)) this.#failures.delete(id);
    }
  }

  #nextRetry(): number {
    const now = this.#options.ports.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const { retryAt } of this.#failures.values()) if (retryAt > now && retryAt < next) next = retryAt;
    return next;
  }

  #storeFailed(error: unknown): void {
    if (this.#state !== "running") return;
    const { clock, log } = this.#options.ports;
    this.#storeFailures++;
    log.warn("due actors could not be read", { error, attempts: this.#storeFailures });
    this.#arm(clock.now() + pauseMs(this.#storeFailures));
  }

  #arm(at: number): void {
    this.#disarm();
    if (this.#state !== "running" || at === Number.POSITIVE_INFINITY) return;
    const { clock, tasks } = this.#options.ports;
    this.#nextAt = at;
    const delayMs = Math.min(Math.max(0, at - clock.now()), serverLimits.maxAlarmTimerMs);
    this.#timer = tasks.after(delayMs, () => {
      this.#timer = undefined;
      if (clock.now() < at) this.#arm(at);
      else this.look();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#nextAt = Number.POSITIVE_INFINITY;
  }
}

function selectsNone({ shards, names }: DueFilter): boolean {
  return shards.length === 0 && [...names.values()].every(({ length }) => length === 0);
}

function pauseMs(attempts: number): number {
  return Math.min(
    serverLimits.maxAlarmRetryMs,
    serverLimits.minAlarmRetryMs * 2 ** Math.min(attempts - 1, 20),
  );
}
