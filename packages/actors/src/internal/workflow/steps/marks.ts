import { HoldfastError } from "@holdfast/core";
import type { EntryKind } from "../history/record.ts";
import { ReplayEnd } from "../run/replay-end.ts";
import type { Scope } from "../run/scope.ts";
import { invalid } from "./step-settings.ts";

/** A value that is computed once and recorded. In a step it is part of the step's result. */
export function recordValue<T>(scope: Scope, kind: string, take: () => T): T {
  const { run } = scope;
  run.guard.leave();
  scope.check();
  if (scope.step !== undefined) return take();
  const entry = scope.take(scope.number(kind), "value");
  if (entry.status === "pending") {
    entry.status = "running";
    entry.data = { value: take() };
    run.record(() => run.history.complete(entry, run.now()));
    run.history.pending = true;
  }
  // True if this very function recorded it.
  return entry.data.value as T;
}

/** See `ctx.getVersion`. */
export function getVersion(scope: Scope, name: string, latest: number): Promise<number> {
  if (!Number.isInteger(latest) || latest < 1)
    throw invalid("getVersion() takes a name and an integer from 1");
  // Checked before the entry is taken: if there are recorded entries ahead, this call was added later.
  const { behind } = scope;
  return scope.operate(name, "version_check", "a version", async (entry) => {
    const { run } = scope;
    if (entry.status !== "completed") {
      entry.data = { version: behind ? 1 : latest };
      run.history.complete(entry, run.now());
      run.history.pending = true;
    }
    return Number(entry.data.version);
  });
}

const removable: readonly EntryKind[] = [
  "step",
  "loop",
  "sleep",
  "message",
  "rollback_checkpoint",
  "join",
  "race",
  "version_check",
  "try",
  "signal",
  "child",
];

/** See `ctx.removed`. */
export async function removed(scope: Scope, name: string, originalType: EntryKind): Promise<void> {
  if (!removable.includes(originalType))
    throw invalid(`removed() takes a name and one of ${removable.join(", ")}`);
  scope.check();
  const existing = scope.skip(name, originalType);
  if (existing !== undefined) return;
  const { run } = scope;
  if (scope.fiber.collecting) throw new ReplayEnd();
  const entry = scope.take(name, "removed");
  entry.data = { originalType, originalName: name };
  run.record(() => run.history.complete(entry, run.now()));
}

/** Ends the run; the next one begins with only this input. */
export class ContinueAsNew extends Error {
  readonly input: unknown;
  constructor(input: unknown) {
    super("The workflow starts a new run");
    this.input = input;
  }
}

/** See `ctx.continueAsNew`. */
export async function continueAsNew(scope: Scope, input: unknown): Promise<never> {
  scope.check();
  if (scope.node.path.length > 0) {
    const message = "continueAsNew() ends the whole workflow: call it outside of loops, branches and tries";
    throw new HoldfastError("workflow", "invalid_step", message);
  }
  throw scope.fail(new ContinueAsNew(input));
}
