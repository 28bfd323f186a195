/** The operations of a workflow: step, try, loop, join, race, sleep, receive, signal, rollback. */
import { HoldfastError, isErrorCode, messageOf } from "@holdfast/core";
import {
  CriticalError,
  EvictedError,
  RollbackCheckpointError,
  RollbackError,
  StepExhaustedError,
  StepTimeoutError,
  type WorkflowError,
} from "../../../workflow/errors.ts";
import type { TryStepCatchKind, TryStepFailure, TryStepResult } from "../../../workflow/outcomes.ts";
import { isThenable } from "../../lifecycle/hooks.ts";
import { type Entry, recorded } from "../history/history.ts";
import { showPath } from "../history/location.ts";
import { describeError, showError } from "../history/record.ts";
import type { Scope } from "../run/scope.ts";
import { failureOf, markReported, withFailure } from "./failure.ts";
import { type StepMode, StepScope } from "./step-context.ts";
import type { StepSettings } from "./step-settings.ts";

/** Runs a step, or returns its recorded result. */
export function runStep(scope: Scope, settings: StepSettings): Promise<unknown> {
  return scope.operate(settings.name, "step", "a step", (entry) => new StepRun(scope, entry, settings).run());
}

export async function runTryStep(
  scope: Scope,
  settings: StepSettings,
  caught: readonly TryStepCatchKind[],
): Promise<TryStepResult<unknown>> {
  try {
    return { ok: true, value: await runStep(scope, settings) };
  } catch (error) {
    const failure = failureOf(error);
    if (failure === undefined || failure.stepName !== settings.name || !caught.includes(failure.kind))
      throw error;
    return { ok: false, failure };
  }
}

class StepRun {
  readonly #scope: Scope;
  readonly #entry: Entry;
  readonly #settings: StepSettings;

  constructor(scope: Scope, entry: Entry, settings: StepSettings) {
    this.#scope = scope;
    this.#entry = entry;
    this.#settings = settings;
  }

  async run(): Promise<unknown> {
    const entry = this.#entry;
    const { run } = this.#scope;
    if (this.#settings.rollback !== undefined && !run.checkpointSet) {
      throw this.#scope.fail(new RollbackCheckpointError());
    }
    if (entry.status === "completed") return this.#completed(entry.data.output);
    if (entry.status === "failed" || entry.status === "exhausted") throw this.#recordedFailure();
    for (;;) {
      if (entry.attempts > 0) await this.#backOff();
      await this.#admitted();
      try {
        return this.#completed(await this.#attempt());
      } catch (error) {
        if (!(error instanceof AttemptFailed)) throw error;
        await this.#failed(error.cause);
      } finally {
        this.#freed();
      }
    }
  }

  #completed(output: unknown): unknown {
    const { rollback: undo } = this.#settings;
    if (undo !== undefined && this.#entry.rollbackCompletedAt === undefined) {
      this.#scope.run.rollbacks.push({ entry: this.#entry, output, undo });
    }
    return output;
  }

  /** Waits until the number of running steps with this name is below its limit. */
  async #admitted(): Promise<void> {
    const { run, fiber } = this.#scope;
    const { name, concurrency } = this.#settings;
    while (concurrency !== undefined && (run.running.get(name) ?? 0) >= concurrency) {
      await fiber.wait(undefined, (arrived) => {
        run.stepFreed.add(arrived);
        return () => run.stepFreed.delete(arrived);
      });
    }
    run.running.set(name, (run.running.get(name) ?? 0) + 1);
    if (this.#settings.rollback !== undefined) run.undoable++;
  }

  #freed(): void {
    const { run } = this.#scope;
    const remaining = (run.running.get(this.#settings.name) ?? 1) - 1;
    if (remaining === 0) run.running.delete(this.#settings.name);
    else run.running.set(this.#settings.name, remaining);
    if (this.#settings.rollback !== undefined) run.undoable--;
    for (const notify of [...run.stepFreed]) notify();
  }

  /** The delay before a retry outlives the actor's sleep. */
  async #backOff(): Promise<void> {
    const { fiber } = this.#scope;
    const retryAt = this.#retryAt();
    if (retryAt > this.#scope.run.now()) await fiber.wait(retryAt);
  }

  #retryAt(): number {
    const { retryBackoffBase, retryBackoffMax } = this.#settings;
    const { attempts, lastAttemptAt } = this.#entry;
    // 0 times Infinity is 0 here.
    const delay = retryBackoffBase === 0 ? 0 : retryBackoffBase * 2 ** attempts;
    return (lastAttemptAt ?? 0) + Math.min(retryBackoffMax, delay);
  }

  /** One attempt. Throws {@link AttemptFailed} for a failure of the step. */
  async #attempt(): Promise<unknown> {
    const { run } = this.#scope;
    // A decision based on values that are not durable could differ after a crash.
    if (run.history.pending && !this.#settings.ephemeral) await run.durable();
    const output = await this.#traced(() => (this.#settings.atomic ? this.#transaction() : this.#inTurn()));
    if (!this.#settings.ephemeral) await run.durable();
    return output;
  }

  #traced(work: () => Promise<unknown>): Promise<unknown> {
    const { id, host } = this.#scope.run.actor;
    if (host.trace === undefined) return work();
    const attributes = { "workflow.step": showPath(this.#entry.path), attempt: this.#entry.attempts + 1 };
    return host.trace(id, `step ${this.#settings.name}`, attributes, work);
  }

  async #inTurn(): Promise<unknown> {
    const { transactionLock, definition } = this.#scope.run.actor;
    // The transaction lock of a serial actor is for actions: a step inside could wait for an action that waits for the
    // workflow.
    if (definition.options.concurrency === "serial") {
      await transactionLock.pass();
      return this.#execute("outside");
    }
    await transactionLock.enter();
    try {
      return await this.#execute("inside");
    } finally {
      transactionLock.leave();
    }
  }

  #transaction(): Promise<unknown> {
    const { actor } = this.#scope.run;
    const entry = this.#entry;
    const before = { ...entry };
    return actor.context
      .transaction(entry, () => this.#execute("atomic"))
      .catch((error: unknown) => {
        entry.status = before.status;
        entry.completedAt = before.completedAt;
        entry.data = before.data;
        if (error instanceof AttemptFailed) throw error;
        if (this.#interrupted()) throw this.#scope.fiber.cancelled ?? new EvictedError();
        throw new AttemptFailed(error);
      });
  }

  /** The record joins the turn of the step's last changes. */
  #record(value: unknown): unknown {
    const { run } = this.#scope;
    const entry = this.#entry;
    let output: unknown;
    try {
      output = recorded(run.actor.state.unwrap(value));
    } catch (error) {
      const message = `The output of step "${this.#settings.name}" cannot be recorded: ${shownOf(error)}`;
      throw new AttemptFailed(new CriticalError(message, { cause: error }));
    }
    entry.lastAttemptAt = run.now();
    entry.error = undefined;
    entry.data = { output };
    try {
      run.history.complete(entry, run.now());
    } catch (error) {
      if (isErrorCode(error, "workflow", "value_too_large")) {
        entry.data = {};
        throw new AttemptFailed(new CriticalError(error.message, { cause: error }));
      }
      throw this.#interrupted() ? new EvictedError() : error;
    }
    return output;
  }

  /** Runs user code once and records its result immediately. */
  async #execute(mode: StepMode): Promise<unknown> {
    const { run, fiber } = this.#scope;
    const entry = this.#entry;
    // It may have waited for admission, and its race or workflow may have ended in the meantime.
    fiber.check();
    entry.status = "running";
    entry.attempts++;
    const step = new StepScope(run, fiber, entry, entry.attempts, mode);
    const leave = this.#scope.stepBegan(step.context);
    try {
      const result = run.actor.turn.enter(() => this.#settings.run(step.context as never));
      // For a synchronous step, nothing comes between its last change and the record.
      if (!isThenable(result)) return this.#record(result);
      return await this.#within(step, this.#outcome(Promise.resolve(result), mode));
    } catch (error) {
      if (this.#interrupted()) {
        // It was interrupted, which is no failure: the next start repeats it.
        entry.attempts--;
        throw fiber.cancelled ?? new EvictedError();
      }
      throw error instanceof AttemptFailed ? error : new AttemptFailed(error);
    } finally {
      leave();
      step.close();
    }
  }

  /** The result of a step that runs beside actions is recorded outside of their transactions. */
  #outcome(result: Promise<unknown>, mode: StepMode): Promise<unknown> {
    if (mode !== "outside") return result;
    const { run } = this.#scope;
    return result.then((value) => run.outsideTransaction().then(() => value));
  }

  /** Records the result, unless the timeout comes first. */
  #within(step: StepScope, result: Promise<unknown>): Promise<unknown> {
    const { timeout, name } = this.#settings;
    if (timeout === 0) return result.then((value) => this.#record(value));
    return new Promise((resolve, reject) => {
      let over = false;
      const timer = this.#scope.run.actor.ports.tasks.after(timeout, () => {
        over = true;
        const error = new StepTimeoutError(name, timeout);
        step.abort(error);
        reject(error);
      });
      const finish = (settle: () => void): void => {
        timer.cancel();
        if (!over) settle();
      };
      result
        .then(
          (value) => finish(() => resolve(this.#record(value))),
          (error: unknown) => finish(() => reject(error)),
        )
        .then(undefined, reject);
    });
  }

  #interrupted(): boolean {
    return this.#scope.fiber.cancelled !== undefined || this.#scope.run.actor.phase.sealed;
  }

  /** Records a failed attempt. Throws if there are no more. */
  async #failed(cause: unknown): Promise<void> {
    const { run } = this.#scope;
    const { maxRetries, retryOnTimeout } = this.#settings;
    const entry = this.#entry;
    await run.outsideTransaction();
    entry.lastAttemptAt = run.now();
    entry.error = describeError(cause);
    const kind =
      terminalKind(cause, retryOnTimeout) ?? (entry.attempts > maxRetries ? "exhausted" : undefined);
    entry.status = kind === undefined ? "pending" : kind === "exhausted" ? "exhausted" : "failed";
    entry.data = kind === undefined ? {} : { kind };
    run.history.save(entry);
    await run.durable();
    const retryAt = kind === undefined ? this.#retryAt() : undefined;
    this.#report(entry.error, retryAt);
    if (kind !== undefined) throw markReported(this.#recordedFailure());
  }

  #report(error: WorkflowError, retryAt: number | undefined): void {
    const { run } = this.#scope;
    const { maxRetries, name } = this.#settings;
    const { attempts, lastAttemptAt } = this.#entry;
    run.owner.report({
      step: {
        workflowId: run.actor.id,
        stepName: name,
        attempt: attempts,
        maxRetries,
        remainingRetries: Math.max(0, maxRetries + 1 - attempts),
        willRetry: retryAt !== undefined,
        ...(retryAt === undefined ? {} : { retryAt, retryDelay: retryAt - (lastAttemptAt ?? retryAt) }),
        error,
      },
    });
  }

  /** The failure in the form that a replay throws; the first run throws the same. */
  #recordedFailure(): Error {
    const { attempts, data, error = { name: "Error", message: "unknown error" } } = this.#entry;
    const { name: stepName, timeout } = this.#settings;
    const kind = (data.kind ?? "critical") as TryStepCatchKind;
    const timedOut = kind === "exhausted" && error.name === "StepTimeoutError";
    const failure: TryStepFailure = { kind: timedOut ? "timeout" : kind, stepName, attempts, error };
    // Failures of an earlier run were reported there.
    return markReported(withFailure(thrownFor(kind, stepName, timeout, error), failure));
  }
}

/** User code has failed, or its result cannot be recorded. */
class AttemptFailed extends Error {
  constructor(cause: unknown) {
    super("attempt failed", { cause });
  }
}

function terminalKind(cause: unknown, retryOnTimeout: boolean): TryStepCatchKind | undefined {
  if (cause instanceof StepTimeoutError) return retryOnTimeout ? undefined : "timeout";
  if (cause instanceof CriticalError || isErrorCode(cause, "workflow", "critical")) return "critical";
  if (cause instanceof RollbackError || isErrorCode(cause, "workflow", "rollback")) return "rollback";
  return undefined;
}

function thrownFor(kind: TryStepCatchKind, stepName: string, timeoutMs: number, error: WorkflowError): Error {
  switch (kind) {
    case "critical":
      return new CriticalError(error.message);
    case "timeout":
      return new StepTimeoutError(stepName, timeoutMs);
    case "rollback":
      return new RollbackError(error.message);
    case "exhausted":
      return new StepExhaustedError(stepName, showError(error));
  }
}

function shownOf(error: unknown): string {
  return error instanceof HoldfastError ? error.message : messageOf(error);
}
