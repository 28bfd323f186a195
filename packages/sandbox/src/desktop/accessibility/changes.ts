import { setTimeout as delay } from "node:timers/promises";
import { registry } from "./accessible.ts";
import type { Bus } from "./bus.ts";

/** Events that tell of elements that come, or come into view. */
const events = [
  "object:children-changed",
  "object:state-changed:showing",
  "object:property-change:accessible-name",
];

/** A page that changes all the time is not read more often than this. */
const minPauseMs = 100;

/** Tells when programs report that their windows have changed. */
export class Changes {
  #count = 0;
  #seen = 0;
  #wake: (() => void) | undefined;

  private constructor(bus: Bus) {
    bus.onSignal(() => {
      this.#count += 1;
      this.#wake?.();
    });
  }

  static async watch(bus: Bus): Promise<Changes> {
    const changes = new Changes(bus);
    await bus.receiveSignals("type='signal',interface='org.a11y.atspi.Event.Object'");
    const root = { ...registry, path: "/org/a11y/atspi/registry" };
    for (const event of events) {
      await bus.call(root, "org.a11y.atspi.Registry", "RegisterEvent", "sass", [event, [], ""]);
    }
    return changes;
  }

  /** Resolves after a change since the last call, or after `timeoutMs`. */
  async next(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#wake = resolve;
    if (this.#count > this.#seen) resolve();
    await Promise.all([promise, delay(Math.min(minPauseMs, timeoutMs))]);
    clearTimeout(timer);
    this.#wake = undefined;
    this.#seen = this.#count;
  }
}
