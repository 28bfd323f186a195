import type { ActionCall } from "./action-call.ts";

/** Keyed calls that came over HTTP and run now. Nearly every key has one call. */
export class KeyedCalls {
  readonly #byKey = new Map<string, ActionCall | readonly ActionCall[]>();

  add(key: string, call: ActionCall): void {
    const others = this.#byKey.get(key);
    this.#byKey.set(key, others === undefined ? call : [...listOf(others), call]);
  }

  remove(key: string, call: ActionCall): void {
    const calls = this.#byKey.get(key);
    if (calls === undefined) return;
    const rest = calls === call ? [] : listOf(calls).filter((other) => other !== call);
    if (rest.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, rest);
  }

  /** Those that run with this key. */
  find(key: string): readonly ActionCall[] {
    const calls = this.#byKey.get(key);
    return calls === undefined ? [] : listOf(calls);
  }
}

function listOf(calls: ActionCall | readonly ActionCall[]): readonly ActionCall[] {
  return "target" in calls ? [calls] : calls;
}
