import type { Ports, Timer } from "@holdfast/core";
import type { ClusterMetrics } from "../../observe/cluster-metrics.ts";
import type { LeaseTiming } from "./session-validity.ts";

export interface RenewalOptions {
  readonly ports: Pick<Ports, "tasks" | "log">;
  readonly timing: LeaseTiming;
  readonly metrics: ClusterMetrics;
  /** Renews once. Returns the time in milliseconds after which the next renewal should come. Throws errors of the store. */
  renew(): Promise<number>;
}

/** Renews the session of a node until it is stopped; sooner after an attempt that failed. */
export class SessionRenewal {
  readonly #options: RenewalOptions;
  #timer: Timer | undefined;
  #isStopped = false;
  #isRunning = false;
  #failures = 0;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** One renewal, unless there is one at the moment. */
  hurry(): void {
    if (!this.#isStopped && !this.#isRunning) void this.run();
  }

  /** One renewal, and the timer of the next. */
  async run(): Promise<void> {
    this.#timer?.cancel();
    this.#isRunning = true;
    const { timing, ports, metrics } = this.#options;
    let nextMs = timing.renewMs;
    try {
      nextMs = Math.min(nextMs, await this.#options.renew());
      metrics.renewals.ok++;
      if (this.#failures > 0) ports.log.info("the session of the node was renewed again");
      this.#failures = 0;
    } catch (error) {
      metrics.renewals.error++;
      this.#failures++;
      const level = this.#failures === 1 ? "warn" : "debug";
      ports.log[level]("the session of the node could not be renewed", { error, attempts: this.#failures });
      nextMs = Math.min(nextMs, timing.ttlMs / 10);
    }
    this.#isRunning = false;
    if (this.#isStopped) return;
    this.#timer?.cancel();
    this.#timer = ports.tasks.after(Math.max(1, nextMs), () => void this.run());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
