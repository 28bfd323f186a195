import type { GateConfirmation, GateProgress, GateReply } from "./gate-client.ts";

/** One caller of a call: its cancellation and callbacks. */
export interface Caller {
  /** Aborted when the caller no longer waits for the result. */
  readonly signal: AbortSignal;
  onProgress(progress: GateProgress): void;
  /** Called when a person is asked to approve the call. */
  onConfirmation(confirmation: GateConfirmation): void;
}

export interface SharedReply {
  readonly reply: GateReply;
  /** True when the result is that of an identical call that was waiting for approval. */
  readonly joined: boolean;
}

/**
 * Dedupes the calls of one agent that wait for a person's approval. Agents time out before people answer, and repeat
 * the call. Each repetition would need its own approval, so it joins the waiting call and shares its result.
 */
export class ApprovalDeduper {
  readonly #waiting = new Map<string, SharedCall>();

  /** Joins an identical call that waits for approval, or makes the call with `make`. */
  async call(
    tool: string,
    args: unknown,
    caller: Caller,
    makeCall: (all: Caller) => Promise<GateReply>,
  ): Promise<SharedReply> {
    const key = JSON.stringify([tool, args], sortMembers);
    const existing = this.#waiting.get(key);
    if (existing !== undefined) {
      existing.join(caller);
      return { reply: await existing.reply.promise, joined: true };
    }
    const call: SharedCall = new SharedCall((waits) => {
      if (waits) this.#waiting.set(key, call);
      else if (this.#waiting.get(key) === call) this.#waiting.delete(key);
    });
    call.join(caller);
    return { reply: await call.run(makeCall), joined: false };
  }
}

/** One call at the gate, shared by all its callers. */
class SharedCall implements Caller {
  readonly reply = Promise.withResolvers<GateReply>();
  readonly #callers = new Set<Caller>();
  readonly #abandoned = new AbortController();
  readonly #onWaiting: (waits: boolean) => void;
  #confirmation: GateConfirmation | undefined;

  /** `onWaiting` receives true when others may join, false when they no longer may. */
  constructor(onWaiting: (waits: boolean) => void) {
    this.#onWaiting = onWaiting;
  }

  /** Aborted when no caller waits for the result. */
  get signal(): AbortSignal {
    return this.#abandoned.signal;
  }

  join(caller: Caller): void {
    this.#callers.add(caller);
    const leave = () => {
      this.#callers.delete(caller);
      if (this.#callers.size > 0) return;
      this.#onWaiting(false);
      this.#abandoned.abort(caller.signal.reason);
    };
    if (caller.signal.aborted) leave();
    else caller.signal.addEventListener("abort", leave, { once: true });
    if (this.#confirmation !== undefined) caller.onConfirmation(this.#confirmation);
  }

  async run(make: (all: Caller) => Promise<GateReply>): Promise<GateReply> {
    try {
      this.reply.resolve(await make(this));
    } catch (error) {
      this.reply.reject(error);
    } finally {
      this.#onWaiting(false);
    }
    return this.reply.promise;
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

/** Sorts the members of objects, whose order has no meaning. */
function sortMembers(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
