import type { ActorHandleBase } from "@holdfast/client";
import { HoldfastError, isErrorCode, isHoldfastError, normalizeKey, uuidv4 } from "@holdfast/core";
import { ChildError, EvictedError, type WorkflowError } from "../../../workflow/errors.ts";
import type { ChildReference } from "../../../workflow/waits.ts";
import type { ActorCore } from "../../lifecycle/actor-core.ts";
import { type Entry, type History, recorded } from "../history/history.ts";
import { checkName } from "../history/location.ts";
import { describeError, type Header, type ParentAddress } from "../history/record.ts";
import { remoteRetry } from "../limits.ts";
import { markReported } from "../steps/failure.ts";
import { invalid, isRecord } from "../steps/step-settings.ts";
import type { Scope } from "./scope.ts";

type ChildDependencies = Pick<ActorCore, "context" | "id" | "key" | "name" | "phase" | "ports" | "state">;

/** Actions that workflows call on each other; names of user actions never begin with a dollar sign. */
export const childActions = { start: "$workflow.start", settled: "$workflow.settled" } as const;

/** The result of a child. */
export type ChildOutcome =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: WorkflowError };

/** Throws `workflow.invalid_step`, `workflow.invalid_name`, `actor.invalid_key`. */
export function parseChildTarget(child: ChildReference): {
  readonly actor: string;
  readonly key: readonly string[];
} {
  if (!isRecord(child)) throw invalid("child() takes a name, an actor and an input");
  checkName(child.name, "child's actor");
  return { actor: child.name, key: normalizeKey(child.key) };
}

/** Starts a workflow of another actor once and waits for its result, across sleeps and restarts of both. */
export async function runChild(
  scope: Scope,
  entry: Entry,
  target: string,
  targetKey: readonly string[],
  input: unknown,
): Promise<unknown> {
  const { run, fiber } = scope;
  if (entry.status === "completed") return entry.data.output;
  if (entry.status === "failed") throw childError(entry);
  if (entry.status === "pending") {
    const token = uuidv4(run.actor.ports.random);
    entry.status = "running";
    entry.data = { actor: target, key: targetKey, token };
    run.history.save(entry);
    await run.durable();
  }
  if (entry.data.outcome === undefined && entry.data.started !== true) await start(scope, entry, input);
  while (entry.data.outcome === undefined) {
    await fiber.wait(undefined, (arrived) => run.onChild(arrived));
  }
  await run.outsideTransaction();
  const outcome = entry.data.outcome as ChildOutcome;
  const { actor, key } = entry.data;
  if (outcome.ok) {
    entry.data = { actor, key, output: outcome.output };
    run.history.complete(entry, run.now());
    await run.durable();
    return recorded(outcome.output);
  }
  entry.data = { actor, key };
  entry.status = "failed";
  entry.error = outcome.error;
  run.history.save(entry);
  await run.durable();
  throw childError(entry);
}

function childError(entry: Entry): Error {
  return markReported(new ChildError(entry.name, entry.error ?? { name: "Error", message: "unknown error" }));
}

async function start(scope: Scope, entry: Entry, input: unknown): Promise<void> {
  const { run, fiber } = scope;
  const { actor } = run;
  const { actor: name, key, token } = entry.data as { actor: string; key: readonly string[]; token: string };
  const parent = { name: actor.name, key: actor.key, token };
  for (let delay: number = remoteRetry.firstMs; ; delay = Math.min(delay * 2, remoteRetry.lastMs)) {
    try {
      const handle = handleOf(actor, name, key, "getOrCreate");
      const outcome = await handle.action<ChildOutcome | undefined>({
        name: childActions.start,
        args: [actor.state.unwrap(input), parent],
        idempotencyKey: token,
        signal: fiber.signal,
      });
      await run.outsideTransaction();
      entry.data = { ...entry.data, started: true, ...(outcome && { outcome }) };
      run.history.save(entry);
      return;
    } catch (error) {
      fiber.check();
      if (actor.phase.sealed) throw new EvictedError();
      if (!isTransient(error)) {
        entry.data = { ...entry.data, outcome: { ok: false, error: describeError(error) } };
        return;
      }
      await fiber.wait(run.now() + delay);
    }
  }
}

/** True if a retry may succeed. */
function isTransient(error: unknown): boolean {
  if (!isHoldfastError(error)) return true;
  return error.statusCode >= 500 || ["store", "gateway", "client"].includes(error.group);
}

interface Accessor {
  get(key: readonly string[]): ActorHandleBase;
  getOrCreate(key: readonly string[]): ActorHandleBase;
}

function handleOf(
  actor: ChildDependencies,
  name: string,
  key: readonly string[],
  how: "get" | "getOrCreate",
): ActorHandleBase {
  const accessor: unknown = Reflect.get(actor.context.client(), name);
  if (accessor === undefined || accessor === null) {
    throw new HoldfastError("actor", "not_found", `There is no actor "${name}"`);
  }
  // Every property of a client is an accessor.
  return (accessor as Accessor)[how](key);
}

/** The workflow of a child, as its parent uses it. */
export interface ChildWorkflow {
  readonly actor: ChildDependencies;
  readonly header: Header;
  readonly output: unknown;
  readonly history: History;
  /** Undefined while no code of the workflow runs. */
  readonly run: { childEnded(): void } | undefined;
  readonly terminal: boolean;
  start(input: unknown, parent: ParentAddress): Promise<unknown>;
  /** Resolves when the history is loaded. */
  ensureLoaded(): Promise<void>;
}

/** The response to a parent that starts a child: its result if it has ended; otherwise the child reports later. */
export async function startForParent(
  child: ChildWorkflow,
  input: unknown,
  parent: unknown,
): Promise<ChildOutcome | undefined> {
  if (!isRecord(parent) || typeof parent.token !== "string" || typeof parent.name !== "string") {
    throw new HoldfastError("message", "invalid_request", "A parent needs a name, a key and a token");
  }
  const address: ParentAddress = {
    name: parent.name,
    key: Array.isArray(parent.key) ? parent.key.map(String) : [],
    token: parent.token,
    child: child.actor.id,
  };
  await child.start(input, address);
  if (child.header.parent?.token === address.token) return undefined;
  await child.ensureLoaded();
  if (child.terminal) return outcomeOf(child);
  throw new HoldfastError("workflow", "already_started", "The workflow was started by another caller", {
    statusCode: 409,
  });
}

function outcomeOf(child: ChildWorkflow): ChildOutcome {
  if (child.header.state === "completed") return { ok: true, output: child.output };
  return { ok: false, error: child.header.error ?? { name: "Error", message: "unknown error" } };
}

/** Accepts the result of a child. Returns false if the parent no longer waits for it. */
export async function acceptChildResult(
  child: ChildWorkflow,
  token: unknown,
  outcome: unknown,
): Promise<boolean> {
  if (child.terminal || typeof token !== "string" || !isRecord(outcome)) return false;
  await child.ensureLoaded();
  const entry = child.history
    .all()
    .find(({ kind, status, data }) => kind === "child" && status === "running" && data.token === token);
  if (entry === undefined) return false;
  entry.data = { ...entry.data, started: true, outcome };
  child.history.save(entry);
  child.run?.childEnded();
  return true;
}

interface ReportCallbacks {
  /** Called when the parent has the result, or can never receive it. */
  delivered(): void;
  /** Called when the parent could not be reached, with the time of the next attempt. */
  retryAt(at: number): void;
}

/** Reports the result of a child to its parent, until that has received it. */
export async function reportToParent(
  child: ChildWorkflow,
  parent: ParentAddress,
  done: ReportCallbacks,
): Promise<void> {
  const { actor } = child;
  for (
    let delay: number = remoteRetry.firstMs;
    !actor.phase.sealed;
    delay = Math.min(delay * 2, remoteRetry.lastMs)
  ) {
    try {
      await child.ensureLoaded();
      // It runs again: the parent gets the result of that run.
      if (!child.terminal) return;
      await handleOf(actor, parent.name, parent.key, "get").action({
        name: childActions.settled,
        args: [parent.token, outcomeOf(child)],
      });
      return done.delivered();
    } catch (error) {
      if (actor.phase.sealed) return;
      if (isErrorCode(error, "actor", "not_found") || !isTransient(error)) return done.delivered();
      done.retryAt(actor.ports.clock.now() + delay);
      await new Promise<void>((resolve) => actor.ports.tasks.after(delay, resolve));
    }
  }
}
