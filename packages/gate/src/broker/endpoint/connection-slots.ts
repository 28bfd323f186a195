import { endpointLimits } from "../broker-limits.ts";

/**
 * How many connections of one socket are let in. Between the answer to libzmq's question and its word that
 * the handshake is over lies time, in which many more can ask: a place is taken by the answer.
 */
export class ConnectionSlots {
  #held = 0;
  /** When the places were taken whose handshake is not over, oldest first. */
  #taken: number[] = [];
  readonly #now: () => number;

  /** `now`: milliseconds that only grow. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes a place; false when there is none. */
  take(): boolean {
    // Within this time a handshake is over, one way or the other; of one that failed nobody says whose it was.
    const since = this.#now() - endpointLimits.handshakeMs;
    this.#taken = this.#taken.filter((at) => at > since);
    if (this.#held + this.#taken.length >= endpointLimits.maxConnections) return false;
    this.#taken.push(this.#now());
    return true;
  }

  /** A handshake is over: its place is held until {@link free}. */
  hold(): void {
    this.#taken.shift();
    this.#held += 1;
  }

  /** A connection whose handshake was over has ended. */
  free(): void {
    this.#held = Math.max(this.#held - 1, 0);
  }
}
