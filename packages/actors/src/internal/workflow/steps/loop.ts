import { CriticalError } from "../../../workflow/errors.ts";
import { type Entry, recorded } from "../history/history.ts";
import { checkName } from "../history/location.ts";
import { defaultPruneInterval } from "../limits.ts";
import { ReplayEnd } from "../run/replay-end.ts";
import { Scope } from "../run/scope.ts";
import type { ScopeContext } from "./scope-context.ts";
import { invalid, isFunction, isRecord, wholeNumber } from "./step-settings.ts";

export interface LoopSettings {
  readonly name: string;
  readonly state: unknown;
  readonly run: (ctx: never, state: never) => unknown;
  readonly pruneInterval: number;
  readonly size: number;
}

/** Validates either form of a loop. Throws `workflow.invalid_step`. */
export function loopSettings(nameOrConfig: unknown, run: unknown): LoopSettings {
  const config = typeof nameOrConfig === "string" ? { name: nameOrConfig, run } : nameOrConfig;
  if (!isRecord(config)) throw invalid("loop() takes a name and a function, or an object");
  checkName(config.name, "loop");
  if (!isFunction(config.run)) throw invalid(`Loop "${config.name}" has no function "run"`);
  const interval = wholeNumber(
    config.historyPruneInterval ?? config.historyEvery ?? config.commitInterval ?? defaultPruneInterval,
    "historyPruneInterval",
    1,
  );
  return {
    name: config.name,
    state: config.state,
    run: config.run,
    pruneInterval: interval,
    size: wholeNumber(config.historySize ?? config.historyKeep ?? interval, "historySize", 0),
  };
}

/** The recorded data of a loop. */
interface LoopData {
  /** The current or next iteration. */
  readonly iteration: number;
  readonly state: unknown;
  readonly output?: unknown;
  /** Earlier iterations with rollbacks, and the state that each began with. */
  readonly undo?: readonly (readonly [iteration: number, state: unknown])[];
}

type Outcome =
  | { readonly continue: true; readonly state: unknown }
  | { readonly break: true; readonly value: unknown };

export async function runLoop(parent: ScopeContext, entry: Entry, settings: LoopSettings): Promise<unknown> {
  const { run, fiber } = parent.scope;
  const { history } = run;
  let data = entry.data.iteration === undefined ? initial(settings) : (entry.data as unknown as LoopData);
  await collectEarlier(parent, entry, settings, data);
  if (entry.status === "completed") return data.output;
  if (entry.status === "pending") {
    entry.status = "running";
    keep(entry, data);
    history.save(entry);
  }
  for (;;) {
    const { iteration, state } = data;
    const before = run.rollbacks.length;
    const outcome = await runIteration(parent, entry, settings, iteration, state);
    fiber.check();
    if (fiber.collecting) throw new ReplayEnd();
    await run.outsideTransaction();
    const undo =
      run.rollbacks.length > before ? [...(data.undo ?? []), [iteration, state] as const] : data.undo;
    const undone = undo === undefined ? {} : { undo };
    if ("break" in outcome) {
      const output = recorded(run.actor.state.unwrap(outcome.value));
      data = { iteration, state, output, ...undone };
      keep(entry, data);
      prune(parent, entry, settings, data, iteration + 1);
      history.complete(entry, run.now());
      return output;
    }
    data = { iteration: iteration + 1, state: recorded(run.actor.state.unwrap(outcome.state)), ...undone };
    keep(entry, data);
    if (data.iteration % settings.pruneInterval === 0) {
      prune(parent, entry, settings, data, data.iteration);
    }
    history.save(entry);
    if (data.iteration % defaultPruneInterval === 0) {
      // Yields, so that a loop without waits does not block other code.
      await new Promise<void>((resolve) => run.actor.ports.tasks.macrotask(resolve));
      fiber.check();
    }
  }
}

function initial(settings: LoopSettings): LoopData {
  return { iteration: 0, state: recorded(settings.state) };
}

function keep(entry: Entry, data: LoopData): void {
  entry.data = { ...data };
}

async function runIteration(
  parent: ScopeContext,
  entry: Entry,
  settings: LoopSettings,
  iteration: number,
  state: unknown,
): Promise<Outcome> {
  const { run, fiber } = parent.scope;
  const scope = new Scope(run, fiber, run.history.scope(entry, iteration), parent.scope);
  // The body gets a copy: changes in place are not part of the record.
  const result = await parent.enter(scope, (ctx) => settings.run(ctx as never, recorded(state) as never));
  scope.finish();
  if ((result === undefined || result === null) && state === undefined)
    return { continue: true, state: undefined };
  if (isRecord(result) && result.continue === true) return { continue: true, state: result.state };
  if (isRecord(result) && result.break === true) return { break: true, value: result.value };
  const message = `Loop "${settings.name}" returned neither Loop.continue() nor Loop.break()`;
  throw new CriticalError(message);
}

/** When a rollback continues after a restart, the iterations that it needs are replayed for their handlers. */
async function collectEarlier(
  parent: ScopeContext,
  entry: Entry,
  settings: LoopSettings,
  data: LoopData,
): Promise<void> {
  for (const [iteration, state] of data.undo ?? []) {
    // Includes the last iteration of a finished loop, but not of a running one.
    await runIteration(parent, entry, settings, iteration, state);
  }
}

/** Deletes iterations that are no longer needed: those more than `size` before `end`. */
function prune(
  parent: ScopeContext,
  entry: Entry,
  settings: LoopSettings,
  data: LoopData,
  end: number,
): void {
  const { history } = parent.scope.run;
  const needed = new Set(data.undo?.map(([iteration]) => iteration));
  for (const branch of [...entry.scopes.keys()]) {
    if (typeof branch === "number" && branch < end - settings.size && !needed.has(branch)) {
      history.removeScope(entry, branch);
    }
  }
}
