import { Context } from "./context.ts";
import { reentrantError, stoppedError } from "./error-filter.ts";
import type { Runtime } from "./runtime.ts";
import type { StateLog } from "./state/state-log.ts";

/** Tells `onStateChange` of the changes of one actor's state: once for all of a macrotask. */
export class ChangeTeller {
  readonly #runtime: Runtime;
  readonly #log: StateLog;
  #tellSet = false;
  /** Counts changes: the hook is called for those that it has not been told of. */
  #changes = 0;
  #told = 0;
  #changesBefore = 0;
  /** A change that the hook hears of when the open transaction has succeeded. */
  #tellLater = false;

  constructor(runtime: Runtime, log: StateLog) {
    this.#runtime = runtime;
    this.#log = log;
  }

  changed(): void {
    this.#changes++;
    if (this.#tellSet) return;
    this.#tellSet = true;
    this.#runtime.ports.tasks.macrotask(() => void this.#tell());
  }

  async #tell(): Promise<void> {
    const runtime = this.#runtime;
    this.#tellSet = false;
    const hook = runtime.definition.hooks.onStateChange;
    if (hook === undefined || runtime.status === "stopped") return;
    if (this.#changes === this.#told) return;
    if (runtime.inTransaction) {
      this.#tellLater = true;
      return;
    }
    this.#told = this.#changes;
    try {
      await this.#unchanging(() => hook(new Context(runtime), this.#log.value));
    } catch (error) {
      runtime.errors.report(error);
    }
    runtime.queue.close();
  }

  /** Runs code on the stack during which the state must not change; what it awaits is free again. */
  #unchanging(fn: () => unknown): unknown {
    this.#log.refuseChanges(reentrantError);
    try {
      return this.#runtime.enter(fn);
    } finally {
      this.#log.refuseChanges(this.#runtime.sealed ? stoppedError : undefined);
    }
  }

  savepoint(): void {
    this.#changesBefore = this.#changes;
  }

  keep(): void {
    if (this.#tellLater) void this.#tell();
    this.#tellLater = false;
  }

  rollback(): void {
    this.#tellLater = false;
    this.#changes = this.#changesBefore;
  }
}
