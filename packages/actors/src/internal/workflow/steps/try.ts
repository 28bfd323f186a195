import { JoinError, RaceError, RollbackError } from "../../../workflow/errors.ts";
import type { TryBlockCatchKind, TryBlockFailure, TryBlockResult } from "../../../workflow/outcomes.ts";
import type { Entry } from "../history/history.ts";
import { checkName } from "../history/location.ts";
import { describeError } from "../history/record.ts";
import { Scope } from "../run/scope.ts";
import { endsRun } from "./branches.ts";
import { failureOf, operationOf } from "./failure.ts";
import type { ScopeContext } from "./scope-context.ts";
import { catchKinds, invalid, isFunction, isRecord } from "./step-settings.ts";

export interface TrySettings {
  readonly name: string;
  readonly run: (ctx: never) => unknown;
  readonly caught: readonly TryBlockCatchKind[];
}

const kinds: readonly TryBlockCatchKind[] = ["step", "join", "race", "rollback"];
const defaultKinds: readonly TryBlockCatchKind[] = ["step", "join", "race"];
/** The only branch of a try. */
const body = "try";

/** Validates either form of a try. Throws `workflow.invalid_step`. */
export function trySettings(nameOrConfig: unknown, run: unknown): TrySettings {
  const config = typeof nameOrConfig === "string" ? { name: nameOrConfig, run } : nameOrConfig;
  if (!isRecord(config)) throw invalid("try() takes a name and a function, or an object");
  checkName(config.name, "try");
  if (!isFunction(config.run)) throw invalid(`Try "${config.name}" has no function "run"`);
  return { name: config.name, run: config.run, caught: catchKinds(config, kinds, defaultKinds) };
}

export async function runTry(
  parent: ScopeContext,
  entry: Entry,
  settings: TrySettings,
): Promise<TryBlockResult<unknown>> {
  const { run, fiber } = parent.scope;
  const scope = new Scope(run, fiber, run.history.scope(entry, body), parent.scope);
  if (entry.status === "pending") {
    entry.status = "running";
    run.history.save(entry);
  }
  let result: TryBlockResult<unknown>;
  try {
    const value = await parent.enter(scope, (ctx) => settings.run(ctx as never));
    scope.finish();
    result = { ok: true, value };
  } catch (error) {
    const failure = endsRun(error, parent.scope) ? undefined : caughtFailure(error, settings);
    if (failure === undefined) throw error;
    result = { ok: false, failure };
  }
  if (entry.status === "running") {
    await run.outsideTransaction();
    fiber.check();
    run.history.complete(entry, run.now());
  }
  return result;
}

function caughtFailure(thrown: unknown, { name, caught }: TrySettings): TryBlockFailure | undefined {
  const error = describeError(thrown);
  const step = failureOf(thrown);
  if (step !== undefined) {
    const kind = step.kind === "rollback" ? "rollback" : "step";
    return caught.includes(kind)
      ? { source: "step", name: step.stepName, error: step.error, step }
      : undefined;
  }
  if (thrown instanceof JoinError || thrown instanceof RaceError) {
    const source = thrown instanceof JoinError ? "join" : "race";
    return caught.includes(source) ? { source, name: operationOf(thrown) ?? name, error } : undefined;
  }
  if (thrown instanceof RollbackError) {
    return caught.includes("rollback") ? { source: "block", name, error } : undefined;
  }
  return undefined;
}
