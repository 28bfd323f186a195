import type { Cancellation } from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { encodeKey } from "@holdfast/core";

/** A running call with a key that came over HTTP; the list owns the links. */
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
 * The running calls with keys, so that another request can cancel them. Every call is added and removed, and hardly
 * any is cancelled: a linked list costs a call next to nothing, where a map would hash each key, and cancelling
 * searches the list.
 */
export class RunningCalls {
  #newest: RunningCall | undefined;

  add(call: RunningCall): void {
    call.before = this.#newest;
    if (this.#newest !== undefined) this.#newest.after = call;
    this.#newest = call;
  }

  /** Removes a call that is in the list. */
  delete(call: RunningCall): void {
    const { before, after } = call;
    if (after === undefined) this.#newest = before;
    else after.before = before;
    if (before !== undefined) before.after = after;
    // Clears the links, so that a removed call does not keep others in memory.
    call.before = undefined;
    call.after = undefined;
  }

  /** Finds all calls with this key of this actor, with any form of its address. */
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
