import type { Cancellation } from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { encodeKey } from "@holdfast/core";

/** A keyed call that came over HTTP and runs now; its neighbours are its list's own. */
export class RunningCall {
  readonly target: ActorTarget;
  readonly idempotencyKey: string;
  readonly abort: Cancellation;
  before: RunningCall | undefined;
  after: RunningCall | undefined;

  constructor(target: ActorTarget, idempotencyKey: string, abort: Cancellation) {
    this.target = target;
    this.idempotencyKey = idempotencyKey;
    this.abort = abort;
  }
}

/**
 * The keyed calls that run now, so that somebody else can end them. Every call comes and goes, and hardly
 * any is ended so: a list costs a call next to nothing, where a map by key would hash each key, and whoever
 * ends one looks through all that run.
 */
export class RunningCalls {
  #newest: RunningCall | undefined;

  add(call: RunningCall): void {
    call.before = this.#newest;
    if (this.#newest !== undefined) this.#newest.after = call;
    this.#newest = call;
  }

  /** Takes out a call that is in the list. */
  delete(call: RunningCall): void {
    const { before, after } = call;
    if (after === undefined) this.#newest = before;
    else after.before = before;
    if (before !== undefined) before.after = after;
    // What is out of the list must not keep alive what is not.
    call.before = undefined;
    call.after = undefined;
  }

  /** All calls of that key and actor, however the actor is to be treated where it does not exist. */
  find(target: ActorTarget, idempotencyKey: string): RunningCall[] {
    const address = addressOf(target);
    const found: RunningCall[] = [];
    for (let call = this.#newest; call !== undefined; call = call.before) {
      if (call.idempotencyKey === idempotencyKey && addressOf(call.target) === address) found.push(call);
    }
    return found;
  }
}

function addressOf(target: ActorTarget): string {
  return `${target.name}/${target.type === "id" ? target.id : `@${encodeKey(target.key)}`}`;
}
