import { monitorEventLoopDelay } from "node:perf_hooks";

/** For how long a measurement is read at most. The next one begins halfway. */
const measuredMs = 60_000;

/** Delay of the event loop, in seconds. */
export interface EventLoopLag {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Measures the delay of the event loop over the last 30 to 60 seconds, or since the reading before if that is longer
 * ago. A reading takes nothing from the next, so that several scrapers see the same.
 */
export class EventLoopLagMonitor {
  readonly #now: () => number;
  #current: Measurement;
  #next: Measurement | undefined;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#current = new Measurement(now());
  }

  read(): EventLoopLag {
    const now = this.#now();
    const { values } = this.#current;
    const lag = { p50: values.percentile(50) / 1e9, p99: values.percentile(99) / 1e9, max: values.max / 1e9 };
    if (now - this.#current.since >= measuredMs) {
      values.disable();
      this.#current = this.#next ?? new Measurement(now);
      this.#next = undefined;
    }
    if (now - this.#current.since >= measuredMs / 2) this.#next ??= new Measurement(now);
    return lag;
  }
}

class Measurement {
  readonly since: number;
  readonly values = monitorEventLoopDelay({ resolution: 10 });

  constructor(since: number) {
    this.since = since;
    this.values.enable();
  }
}
