import type { GateAnswer, GateConfirmation, GateProgress } from "./gate-client.ts";

/** Who made a call, and hears of it. */
export interface Caller {
  /** Aborted when the caller wants no answer any more. */
  readonly signal: AbortSignal;
  onProgress(progress: GateProgress): void;
  /** A person is asked about the call. */
  onConfirmation(confirmation: GateConfirmation): void;
}

export interface SharedAnswer {
  readonly answer: GateAnswer;
  /** The answer is that of the same call, which had been waiting for a person before. */
  readonly joined: boolean;
}

/**
 * The calls of one agent that wait for a person. Agents have less patience than people: they give a call up without
 * a word, and make it again. Each would wait on at the gate, and ask for itself when one of them has been allowed; so
 * a call that is made again while it waits is that call, and has its answer.
 */
export class WaitingCalls {
  readonly #waiting = new Map<string, SharedCall>();

  /** Joins the same call where it waits for a person, and makes it with `make` where it does not. */
  async call(
    tool: string,
    args: unknown,
    caller: Caller,
    make: (all: Caller) => Promise<GateAnswer>,
  ): Promise<SharedAnswer> {
    const key = JSON.stringify([tool, args], inOrder);
    const same = this.#waiting.get(key);
    if (same !== undefined) {
      same.join(caller);
      return { answer: await same.answer.promise, joined: true };
    }
    const call: SharedCall = new SharedCall((waits) => {
      if (waits) this.#waiting.set(key, call);
      else if (this.#waiting.get(key) === call) this.#waiting.delete(key);
    });
    call.join(caller);
    return { answer: await call.run(make), joined: false };
  }
}

/** One call at the gate, and everyone who made it. */
class SharedCall implements Caller {
  readonly answer = Promise.withResolvers<GateAnswer>();
  readonly #callers = new Set<Caller>();
  readonly #left = new AbortController();
  readonly #onWaiting: (waits: boolean) => void;
  #confirmation: GateConfirmation | undefined;

  /** `onWaiting` is told that others may join, and that they may not any more. */
  constructor(onWaiting: (waits: boolean) => void) {
    this.#onWaiting = onWaiting;
  }

  /** Aborted when the last caller wants no answer any more. */
  get signal(): AbortSignal {
    return this.#left.signal;
  }

  join(caller: Caller): void {
    this.#callers.add(caller);
    const leave = () => {
      this.#callers.delete(caller);
      if (this.#callers.size > 0) return;
      this.#onWaiting(false);
      this.#left.abort(caller.signal.reason);
    };
    if (caller.signal.aborted) leave();
    else caller.signal.addEventListener("abort", leave, { once: true });
    if (this.#confirmation !== undefined) caller.onConfirmation(this.#confirmation);
  }

  async run(make: (all: Caller) => Promise<GateAnswer>): Promise<GateAnswer> {
    try {
      this.answer.resolve(await make(this));
    } catch (error) {
      this.answer.reject(error);
    } finally {
      this.#onWaiting(false);
    }
    return this.answer.promise;
  }

  onProgress(progress: GateProgress): void {
    for (const caller of this.#callers) caller.onProgress(progress);
  }

  onConfirmation(confirmation: GateConfirmation): void {
    this.#confirmation = confirmation;
    if (!this.signal.aborted) this.#onWaiting(true);
    for (const caller of this.#callers) caller.onConfirmation(confirmation);
  }
}

/** The order in which the members of an object were sent means nothing. */
function inOrder(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
