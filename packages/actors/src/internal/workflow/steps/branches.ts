import { messageOf } from "@holdfast/core";
import {
  CancelledError,
  EvictedError,
  JoinError,
  RaceError,
  type WorkflowError,
} from "../../../workflow/errors.ts";
import { type Entry, recorded } from "../history/history.ts";
import { checkName } from "../history/location.ts";
import { describeError, showError } from "../history/record.ts";
import { ReplayEnd } from "../run/replay-end.ts";
import type { Fiber } from "../run/run.ts";
import { Scope } from "../run/scope.ts";
import { markReported, ofOperation, wasReported } from "./failure.ts";
import { returnUnusedMessages } from "./return-unused-messages.ts";
import type { ScopeContext } from "./scope-context.ts";
import { invalid, isFunction, isRecord } from "./step-settings.ts";

export interface Branch {
  readonly name: string;
  readonly run: (ctx: never) => unknown;
}

interface BranchRecord {
  readonly status: "pending" | "running" | "completed" | "failed" | "cancelled";
  readonly output?: unknown;
  readonly error?: WorkflowError;
  /** A thrown value that is not an error is shown as it is, without a name. */
  readonly bare?: true;
}

/** Validates the branches of a join: an object of `{ run }`. Throws `workflow.invalid_step`. */
export function joinBranches(branches: unknown): Branch[] {
  if (!isRecord(branches)) throw invalid("join() takes a name and an object of branches");
  return Object.entries(branches).map(([name, branch]) => checkedBranch(name, branch));
}

/** Validates the branches of a race: a list of `{ name, run }`. Throws `workflow.invalid_step`. */
export function raceBranches(branches: unknown): Branch[] {
  if (!Array.isArray(branches)) throw invalid("race() takes a name and a list of branches");
  const checked = branches.map((branch: unknown) =>
    checkedBranch(isRecord(branch) ? branch.name : "", branch),
  );
  if (new Set(checked.map(({ name }) => name)).size < checked.length) {
    throw invalid("Two branches of a race have the same name");
  }
  return checked;
}

function checkedBranch(name: unknown, branch: unknown): Branch {
  checkName(name, "branch");
  if (!isRecord(branch) || !isFunction(branch.run)) throw invalid(`Branch "${name}" has no function "run"`);
  return { name, run: branch.run };
}

/** Errors that end the complete run are not failures of a branch. */
export function endsRun(error: unknown, parent: Scope): boolean {
  return (
    error instanceof EvictedError ||
    error instanceof ReplayEnd ||
    parent.run.fault !== undefined ||
    parent.fiber.cancelled !== undefined ||
    parent.run.evicted
  );
}

/** One branch on a fiber of its own. */
async function runBranch(parent: ScopeContext, entry: Entry, branch: Branch, fiber: Fiber): Promise<unknown> {
  const { run } = parent.scope;
  const scope = new Scope(run, fiber, run.history.scope(entry, branch.name), parent.scope);
  try {
    const value = await parent.enter(scope, (ctx) => branch.run(ctx as never));
    scope.finish();
    fiber.check();
    await run.outsideTransaction();
    return recorded(run.actor.state.unwrap(value));
  } finally {
    fiber.end();
  }
}

/** Replays an ended branch as far as it came, for the rollbacks of its steps. */
async function handInRollbacks(parent: ScopeContext, entry: Entry, branch: Branch): Promise<void> {
  const fiber = parent.scope.run.fiber(parent.scope.fiber, true);
  const ended = runBranch(parent, entry, branch, fiber).then(
    () => {},
    // Its result is recorded.
    () => {},
  );
  await Promise.race([ended, fiber.refusalLimit.abandoned.catch(() => fiber.end())]);
}

/** The recorded results by branch, without a prototype: `constructor` is a valid name. */
function recordsOf({ data }: Entry): Record<string, BranchRecord> {
  return Object.assign(Object.create(null), data.branches);
}

function errorOf({ error }: BranchRecord): Error {
  const restored = new Error(error?.message ?? "unknown error");
  restored.name = error?.name ?? "Error";
  return restored;
}

/** Recorded first: entries below it are found through its record. */
function beginBranches({ run }: Scope, entry: Entry): void {
  if (entry.status !== "pending") return;
  entry.status = "running";
  run.history.save(entry);
}

export async function runJoin(
  parent: ScopeContext,
  entry: Entry,
  branches: readonly Branch[],
): Promise<unknown> {
  const { scope } = parent;
  const { run } = scope;
  const records = recordsOf(entry);
  const settle = (name: string, record: BranchRecord): void => {
    if (records[name] !== undefined) return;
    records[name] = record;
    entry.data = { branches: { ...records } };
    run.history.save(entry);
  };
  beginBranches(scope, entry);
  const failures = new Map<string, Error>();
  let passed: unknown;
  const running = branches.map(async (branch) => {
    const record = records[branch.name];
    // An ended branch runs only to register its rollbacks, if there are any.
    if (record?.status === "completed" && !run.checkpointSet) return;
    const fiber = run.fiber(scope.fiber);
    try {
      const output = await runBranch(parent, entry, branch, fiber);
      settle(branch.name, { status: "completed", output });
    } catch (error) {
      if (endsRun(error, scope)) passed ??= error;
      else if (record?.status !== "completed") {
        failures.set(branch.name, error instanceof Error ? error : new Error(messageOf(error)));
        await run.outsideTransaction();
        settle(branch.name, { status: "failed", error: describeError(error) });
      }
    }
  });
  await scope.fiber.block(Promise.all(running));
  await run.outsideTransaction();
  scope.check();
  if (passed !== undefined) throw passed;
  for (const { name } of branches) {
    const record = records[name];
    if (record?.status === "failed" && !failures.has(name)) failures.set(name, errorOf(record));
  }
  if (failures.size > 0) {
    const hasFailed = entry.status === "failed";
    entry.status = "failed";
    entry.error = { name: "JoinError", message: `Join failed: ${[...failures.keys()].join(", ")}` };
    if (!hasFailed) run.history.save(entry);
    // Errors of steps were reported individually; others are reported to `onError`.
    const reported = hasFailed || [...failures.values()].every(wasReported);
    const error = ofOperation(new JoinError(Object.fromEntries(failures)), entry.name);
    throw reported ? markReported(error) : error;
  }
  if (entry.status !== "completed") run.history.complete(entry, run.now());
  return Object.fromEntries(branches.map(({ name }) => [name, records[name]?.output]));
}

export async function runRace(
  parent: ScopeContext,
  entry: Entry,
  branches: readonly Branch[],
): Promise<{ readonly winner: string; readonly value: unknown }> {
  const { scope } = parent;
  const { run } = scope;
  const records = recordsOf(entry);
  if (entry.status === "completed") {
    const winner = String(entry.data.winner);
    if (run.checkpointSet) {
      await Promise.all(branches.map((branch) => handInRollbacks(parent, entry, branch)));
    }
    return { winner, value: records[winner]?.output };
  }
  if (branches.length === 0) throw new RaceError("A race needs at least one branch", []);
  beginBranches(scope, entry);
  const fibers = new Map<string, Fiber>();
  const won = Promise.withResolvers<void>();
  let winner: string | undefined;
  let passed: unknown;
  let reported = true;
  const running = branches.map(async (branch) => {
    if (records[branch.name]?.status === "failed") {
      if (run.checkpointSet) await handInRollbacks(parent, entry, branch);
      return;
    }
    const fiber = run.fiber(scope.fiber);
    fibers.set(branch.name, fiber);
    try {
      const output = await runBranch(parent, entry, branch, fiber);
      if (winner !== undefined) return;
      winner = branch.name;
      records[branch.name] = { status: "completed", output };
      won.resolve();
    } catch (error) {
      await run.outsideTransaction();
      if (winner !== undefined) {
        if (!(error instanceof CancelledError)) run.logLateFailure(branch.name, error);
      } else if (endsRun(error, scope)) passed ??= error;
      else {
        reported &&= wasReported(error);
        const bare = error instanceof Error ? {} : ({ bare: true } as const);
        records[branch.name] = { status: "failed", error: describeError(error), ...bare };
        entry.data = { winner: null, branches: { ...records } };
        run.history.save(entry);
      }
    }
  });
  await scope.fiber.block(Promise.race([won.promise, Promise.all(running)]));
  await run.outsideTransaction();
  scope.check();
  if (passed !== undefined && winner === undefined) throw passed;
  if (winner === undefined) throw lost(scope, entry, branches, records, reported);
  for (const { name } of branches) {
    if (name === winner) continue;
    if (records[name] === undefined) records[name] = { status: "cancelled" };
    fibers.get(name)?.cancel(new CancelledError());
    fibers.get(name)?.end();
    run.releaseMessages([...entry.path, name]);
    returnUnusedMessages(run, run.history.scope(entry, name));
    // Kept after a checkpoint, because its steps may have to be rolled back later.
    if (!run.checkpointSet) run.history.removeScope(entry, name);
  }
  entry.data = { winner, branches: { ...records } };
  run.history.complete(entry, run.now());
  return { winner, value: records[winner]?.output };
}

function showFailure(record: BranchRecord | undefined): string {
  return record?.bare && record.error !== undefined ? record.error.message : showError(record?.error);
}

function lost(
  { run }: Scope,
  entry: Entry,
  branches: readonly Branch[],
  records: Readonly<Record<string, BranchRecord>>,
  reported: boolean,
): Error {
  if (entry.status !== "failed") {
    entry.status = "failed";
    entry.error = { name: "RaceError", message: "All branches failed" };
    run.history.save(entry);
  }
  const errors = branches.map(({ name }) => ({ name, error: showFailure(records[name]) }));
  const error = ofOperation(new RaceError("All branches failed", errors), entry.name);
  return reported ? markReported(error) : error;
}
