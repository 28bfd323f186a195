import { mcpLimits } from "../limits.ts";

/** Calls that clients may cancel: a cancellation comes with a request of its own. */
export class RunningCalls {
  readonly #calls = new Map<string, AbortController>();

  /** Registers a call of a session; `done` takes it out. */
  begin(session: string, requestId: string | number, signal: AbortSignal) {
    const id = callId(session, requestId);
    const abort = new AbortController();
    this.#calls.set(id, abort);
    const [oldest] = this.#calls.keys();
    if (this.#calls.size > mcpLimits.maxCancellableCalls && oldest !== undefined) this.#calls.delete(oldest);
    return {
      signal: AbortSignal.any([signal, abort.signal]),
      done: () => {
        if (this.#calls.get(id) === abort) this.#calls.delete(id);
      },
    };
  }

  cancel(session: string, requestId: string | number): void {
    this.#calls.get(callId(session, requestId))?.abort();
  }
}

function callId(session: string, requestId: string | number): string {
  return JSON.stringify([session, requestId]);
}
