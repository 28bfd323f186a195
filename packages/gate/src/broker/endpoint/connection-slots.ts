import { endpointLimits } from "../broker-limits.ts";

/**
 * Connection slots of one socket. Many peers can ask between the answer to libzmq's authentication request and its
 * report of the completed handshake, so the answer already takes a slot.
 */
export class ConnectionSlots {
  #held = 0;
  /** When the slots of unfinished handshakes were taken, oldest first. */
  #taken: number[] = [];
  readonly #now: () => number;

  /** `now`: a monotonic clock, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes a slot; returns false when all are taken. */
  take(): boolean {
    // Every handshake ends within this time. A failed one is not reported with its peer, so its slot expires.
    const since = this.#now() - endpointLimits.handshakeMs;
    this.#taken = this.#taken.filter((at) => at > since);
    if (this.#held + this.#taken.length >= endpointLimits.maxConnections) return false;
    this.#taken.push(this.#now());
    return true;
  }

  /** Marks one handshake as completed: its slot is held until {@link free}. */
  hold(): void {
    this.#taken.shift();
    this.#held += 1;
  }

  /** Frees the slot of a connection that has ended after its handshake. */
  free(): void {
    this.#held = Math.max(this.#held - 1, 0);
  }
}
