import { isHoldfastError, systemRandom, uuidv7 } from "@holdfast/core";
import type { EgressCall, EgressOptions, EgressUsage } from "../egress.ts";

/** The end of an announced call. Only the first one counts. */
export type EndCall = (usage: EgressUsage | undefined) => void;

/** Announces the model calls of a jail to the listeners of its egress, before they are sent and at their end. */
export class AnnouncedCalls {
  readonly #options: Pick<EgressOptions, "jailId" | "session" | "beforeCall" | "afterCall">;
  readonly #now: () => number;

  constructor(
    options: Pick<EgressOptions, "jailId" | "session" | "beforeCall" | "afterCall">,
    now: () => number,
  ) {
    this.#options = options;
    this.#now = now;
  }

  /** Throws what the listener throws: then the call is not sent. `refused` gets its code. */
  async begin(upstream: string, refused: (code: string) => void): Promise<EndCall> {
    const { jailId, session, beforeCall, afterCall } = this.#options;
    const clock = { now: this.#now };
    const call: EgressCall = {
      ...{ id: uuidv7(clock, systemRandom), at: this.#now(), jailId, session, upstream },
    };
    try {
      await beforeCall?.(call);
    } catch (error) {
      refused(isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error");
      throw error;
    }
    let hasEnded = false;
    return (usage) => {
      if (hasEnded) return;
      hasEnded = true;
      afterCall?.(call, usage);
    };
  }
}
