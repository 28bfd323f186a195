import type { Timer } from "@holdfast/core";
import { backoffDelayMs } from "../internal/backoff.ts";
import type { ClientPorts } from "../internal/ports.ts";
import { clientLimits } from "../limits.ts";

const backoff = { minMs: clientLimits.reconnectMinMs, maxMs: clientLimits.reconnectMaxMs };

/** Delay before the next attempt to connect. It grows with every failure and ends early when the network comes back. */
export class ReconnectTimer {
  readonly #ports: ClientPorts;
  readonly #open: () => void;
  #failures = 0;
  #timer: Timer | undefined;
  #stopWatching: (() => void) | undefined;

  constructor(ports: ClientPorts, open: () => void) {
    this.#ports = ports;
    this.#open = open;
  }

  start(): void {
    this.#timer = this.#ports.tasks.after(backoffDelayMs(this.#failures++, backoff, this.#ports), () =>
      this.#fire(),
    );
    this.#stopWatching = this.#ports.onReconnectTrigger?.(() => {
      this.#failures = 0;
      this.#fire();
    });
  }

  /** The next delay is the shortest again. */
  reset(): void {
    this.#failures = 0;
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#stopWatching?.();
  }

  #fire(): void {
    this.cancel();
    this.#open();
  }
}
