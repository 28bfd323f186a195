import { HoldfastError } from "@holdfast/core";

/** Time after which a refused caller should try again, in milliseconds. */
const retryAfterMs = 1_000;

export interface AdmissionLimits {
  /** Calls that run or wait, for example for their commit. */
  readonly maxCalls: number;
  /** Total size of their arguments. */
  readonly maxBytes: number;
}

/**
 * Bounds what waits in memory when the store is slower than the callers: beyond it, calls of clients are refused before
 * anything has run. Calls of actors are not: they end calls that have been admitted.
 */
export class Admission {
  /** Undefined while nothing is bounded. */
  limits: AdmissionLimits | undefined;
  /** Calls that were refused. */
  refused = 0;
  #calls = 0;
  #bytes = 0;

  get calls(): number {
    return this.#calls;
  }

  /** Admits a call with arguments of this size; returns what ends it. Throws `server.busy`. */
  enter(bytes: number): () => void {
    const { limits } = this;
    if (limits === undefined) return unbounded;
    if (this.#calls >= limits.maxCalls || this.#bytes >= limits.maxBytes) {
      this.refused++;
      throw busy("This server has as many calls in progress as it takes");
    }
    this.#calls++;
    this.#bytes += bytes;
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.#calls--;
      this.#bytes -= bytes;
    };
  }
}

function unbounded(): void {}

/** The error of a call that was refused, and of which nothing ran. */
export function busy(reason: string): HoldfastError {
  const message = `${reason}. Nothing ran; try again in a second`;
  return new HoldfastError("server", "busy", message, { statusCode: 503, metadata: { retryAfterMs } });
}
