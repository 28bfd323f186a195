import type { Ports } from "@holdfast/core";
import { Context } from "../calls/context.ts";
import type { AnyFunction, HookName, RuntimeDefinition } from "../definition/runtime-definition.ts";
import { isThenable, withTimeout } from "../lifecycle/hooks.ts";
import type { CommitQueue, Output } from "./commit-queue.ts";

/** The components that a turn works with. */
interface TurnDependencies {
  readonly definition: RuntimeDefinition;
  readonly ports: Ports;
  readonly queue: CommitQueue;
}

/**
 * The open turn of one actor: runs user code on the stack, records whether it changed anything, and closes the turn
 * when the code returns or, if it continues after an `await`, at the next macrotask.
 */
export class TurnTracker {
  /** Counts all changes, so that a call can tell whether anything was written while it ran. */
  writes = 0;
  /** Counts changes made by user code that continued after an `await`. */
  userWrites = 0;
  /** Counts outputs that cannot be undone, so that a call can tell whether it sent anything. */
  sends = 0;
  /** True if the turn has something to commit. */
  dirty = false;
  readonly #actor: TurnDependencies;
  /** Above zero while user code is on the stack; its turn ends at the latest when it returns. */
  #depth = 0;
  #boundarySet = false;

  constructor(actor: TurnDependencies) {
    this.#actor = actor;
  }

  /** Runs user code on the stack. A turn that stays open ends at the next macrotask. */
  enter(fn: () => unknown): unknown {
    this.#depth++;
    try {
      const result = fn();
      // If the result is not a promise, the caller ends the turn immediately.
      if (this.dirty && isThenable(result)) this.setBoundary();
      return result;
    } finally {
      this.#depth--;
      if (this.#depth === 0 && this.#actor.queue.hasOpenOutputs) this.setBoundary();
    }
  }

  /**
   * Runs a hook, if the definition has it; the turn ends with it. Rejects with `actor.callback_timed_out` after
   * `timeoutMs`, if given.
   */
  async hook(name: HookName, args: unknown[], timeoutMs?: number): Promise<unknown> {
    const hook = this.#actor.definition.hooks[name];
    if (hook === undefined) return undefined;
    const [context] = args;
    let succeeded = false;
    try {
      const result = this.enter(() => hook(...args));
      const settled = isThenable(result)
        ? await (timeoutMs === undefined
            ? result
            : withTimeout(this.#actor.ports.tasks, timeoutMs, name, result))
        : result;
      succeeded = true;
      return settled;
    } finally {
      if (context instanceof Context) context.ended(succeeded);
      this.#actor.queue.close();
    }
  }

  /** Runs an access hook of an event or queue; the turn ends with it. */
  async runAccessHook(hook: AnyFunction, ...args: readonly unknown[]): Promise<unknown> {
    try {
      return await this.enter(() => hook(...args));
    } finally {
      this.#actor.queue.close();
    }
  }

  /** Called when a change has to be committed with the turn. */
  changed(): void {
    this.writes++;
    this.dirty = true;
    if (this.#depth === 0) this.setBoundary();
  }

  /** Called when user code made a change that is written when the turn closes. */
  noteChange(): void {
    this.userWrote();
    this.changed();
  }

  /** Called when user code made a change, on the stack or after an `await`. */
  userWrote(): void {
    if (this.#depth === 0) this.userWrites++;
  }

  /** Adds an output that leaves when the turn that is open now is durable. */
  output(output: Output): void {
    this.#actor.queue.add(output);
    if (this.#depth === 0) this.setBoundary();
  }

  /** As {@link output}, for one that a second run of its call would send again. */
  send(output: Output): void {
    this.sends++;
    this.output(output);
  }

  /** Closes the turn at the next macrotask. */
  setBoundary(): void {
    if (this.#boundarySet) return;
    this.#boundarySet = true;
    const { tasks } = this.#actor.ports;
    const close = (): void => {
      this.#boundarySet = false;
      this.#actor.queue.close();
    };
    if (tasks.turnEnd === undefined) tasks.macrotask(close);
    else tasks.turnEnd(close);
  }
}
