import { uuidv4 } from "@holdfast/core";
import type { ActorLogger } from "../../../logger.ts";
import type { TryBlockResult } from "../../../workflow/outcomes.ts";
import type { ChildReference, SignalOptions } from "../../../workflow/waits.ts";
import { checkName } from "../history/location.ts";
import type { EntryKind } from "../history/record.ts";
import { joinBranches, raceBranches, runJoin, runRace } from "../steps/branches.ts";
import { loopSettings, runLoop } from "../steps/loop.ts";
import { continueAsNew, getVersion, recordValue, removed } from "../steps/marks.ts";
import { receive } from "../steps/receive.ts";
import type { ScopeContext } from "../steps/scope-context.ts";
import { runStep, runTryStep } from "../steps/step.ts";
import { outsideStep } from "../steps/step-context.ts";
import { catchKinds, defaultCatch, invalid, isFunction, stepSettings } from "../steps/step-settings.ts";
import { runTry, trySettings } from "../steps/try.ts";
import { checkTimeout, runSleep, waitForSignal } from "../steps/waits.ts";
import { parseChildTarget, runChild } from "./child.ts";
import type { Scope } from "./scope.ts";

/** The context of a workflow's function for one scope; its public type is `WorkflowContext`. */
export class WorkflowScopeContext implements ScopeContext {
  readonly scope: Scope;

  constructor(scope: Scope) {
    this.scope = scope;
  }

  /** Runs user code on the stack with a context of its own. */
  async enter(scope: Scope, fn: (ctx: ScopeContext) => unknown): Promise<unknown> {
    const { guard, actor } = scope.run;
    const ctx = new WorkflowScopeContext(scope);
    guard.enter();
    let result: unknown;
    try {
      result = actor.turn.enter(() => fn(ctx));
    } finally {
      guard.leave();
    }
    return result;
  }

  get #run() {
    this.scope.run.guard.leave();
    return this.scope.run;
  }

  // Available everywhere

  get workflowId(): string {
    return this.#run.actor.id;
  }

  get actorId(): string {
    return this.#run.actor.id;
  }

  get name(): string {
    return this.#run.actor.name;
  }

  get key(): string[] {
    return [...this.#run.actor.key];
  }

  get region(): string {
    return this.#run.actor.context.region;
  }

  get log(): ActorLogger {
    return this.#run.actor.log;
  }

  get input(): unknown {
    return this.#run.owner.input;
  }

  get abortSignal(): AbortSignal {
    this.scope.run.guard.leave();
    return this.scope.fiber.signal;
  }

  get aborted(): boolean {
    return this.abortSignal.aborted;
  }

  isEvicted(): boolean {
    return this.#run.evicted;
  }

  // Operations

  step(nameOrConfig: unknown, run?: unknown): Promise<unknown> {
    return this.#checked(() => runStep(this.scope, stepSettings(nameOrConfig, run)));
  }

  tryStep(nameOrConfig: unknown, run?: unknown): Promise<unknown> {
    return this.#checked(() => {
      const kinds = catchKinds(nameOrConfig, ["critical", "timeout", "exhausted", "rollback"], defaultCatch);
      return runTryStep(this.scope, stepSettings(nameOrConfig, run), kinds);
    });
  }

  try(nameOrConfig: unknown, run?: unknown): Promise<TryBlockResult<unknown>> {
    return this.#checked(() => {
      const settings = trySettings(nameOrConfig, run);
      return this.scope.operate(settings.name, "try", "a try", (entry) => runTry(this, entry, settings));
    });
  }

  loop(nameOrConfig: unknown, run?: unknown): Promise<unknown> {
    return this.#checked(() => {
      const settings = loopSettings(nameOrConfig, run);
      return this.scope.operate(settings.name, "loop", "a loop", (entry) => runLoop(this, entry, settings));
    });
  }

  sleep(name: string, durationMs: number): Promise<void> {
    return this.#checked(() => {
      if (typeof durationMs !== "number" || Number.isNaN(durationMs)) {
        throw invalid("sleep() takes a name and a number of milliseconds");
      }
      return this.scope.operate(name, "sleep", "a sleep", (entry) =>
        runSleep(this.scope, entry, this.scope.run.now() + Math.max(0, durationMs)),
      );
    });
  }

  sleepUntil(name: string, timestampMs: number): Promise<void> {
    return this.#checked(() => {
      if (typeof timestampMs !== "number" || Number.isNaN(timestampMs)) {
        throw invalid("sleepUntil() takes a name and milliseconds since the epoch");
      }
      return this.scope.operate(name, "sleep", "a sleep", (entry) =>
        runSleep(this.scope, entry, timestampMs),
      );
    });
  }

  join(name: string, branches: unknown): Promise<unknown> {
    return this.#checked(() => {
      const checked = joinBranches(branches);
      return this.scope.operate(name, "join", "a join", (entry) => runJoin(this, entry, checked));
    });
  }

  race(name: string, branches: unknown): Promise<unknown> {
    return this.#checked(() => {
      const checked = raceBranches(branches);
      return this.scope.operate(name, "race", "a race", (entry) => runRace(this, entry, checked));
    });
  }

  rollbackCheckpoint(name: string): Promise<void> {
    return this.scope.operate(name, "rollback_checkpoint", "a checkpoint", async (entry) => {
      const { run } = this.scope;
      run.checkpointSet = true;
      if (entry.status === "completed") return;
      entry.data = { name };
      run.history.complete(entry, run.now());
    });
  }

  removed(name: string, originalType: EntryKind): Promise<void> {
    return this.#checked(() => removed(this.scope, name, originalType));
  }

  getVersion(name: string, latest: number): Promise<number> {
    return this.#checked(() => getVersion(this.scope, name, latest));
  }

  now(): number {
    return recordValue(this.scope, "now", () => this.scope.run.now());
  }

  random(): number {
    return recordValue(this.scope, "random", () => {
      const bytes = this.scope.run.actor.ports.random.bytes(8);
      const bits = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0) >> 11n;
      return Number(bits) / 2 ** 53;
    });
  }

  uuid(): string {
    return recordValue(this.scope, "uuid", () => uuidv4(this.scope.run.actor.ports.random));
  }

  signal(name: string, options: SignalOptions = {}): Promise<unknown> {
    return this.#checked(() => {
      const signal = options.signal ?? name;
      checkName(signal, "signal");
      const timeout = checkTimeout(options.timeout);
      return this.scope.operate(name, "signal", "a signal", (entry) =>
        waitForSignal(this.scope, entry, signal, timeout),
      );
    });
  }

  query(name: string, handler: (...args: never[]) => unknown): void {
    const run = this.#run;
    checkName(name, "query");
    if (!isFunction(handler)) throw invalid(`query("${name}") takes a function`);
    run.queries.set(name, handler);
  }

  child(name: string, child: ChildReference, input?: unknown): Promise<unknown> {
    return this.#checked(() => {
      const { actor, key } = parseChildTarget(child);
      return this.scope.operate(name, "child", "a child", (entry) =>
        runChild(this.scope, entry, actor, key, input),
      );
    });
  }

  continueAsNew(input?: unknown): Promise<never> {
    return this.#checked(() => continueAsNew(this.scope, input));
  }

  get queue(): object {
    return {
      next: (name: string, options?: unknown) =>
        this.#checked(() => receive(this.scope, name, options, false).then(([message]) => message)),
      nextBatch: (name: string, options?: unknown) =>
        this.#checked(() => receive(this.scope, name, options, true)),
      send: (name: string, body: unknown) => this.#member<Sender>("queue").send(name, body),
    };
  }

  /** Invalid arguments reject the promise, as every other error does. */
  #checked<T>(begin: () => Promise<T>): Promise<T> {
    const { guard } = this.scope.run;
    guard.leave();
    try {
      const running = begin();
      // Code that does not await gets an error of the run instead of an unhandled rejection.
      running.catch(() => {});
      return running;
    } catch (error) {
      return guard.watch(Promise.reject(error));
    }
  }

  // Members of the actor, while a step runs

  #member<T>(name: string): T {
    const run = this.#run;
    const step = this.scope.step;
    if (step === undefined) {
      run.owner.usedOutsideStep(name);
      throw outsideStep(name);
    }
    // The public type of the context declares the type of each member.
    return Reflect.get(step, name) as T;
  }

  get state(): unknown {
    return this.#member("state");
  }

  set state(value: unknown) {
    const step = this.scope.step;
    if (step === undefined) throw outsideStep("state");
    Reflect.set(step, "state", value);
  }

  get vars(): unknown {
    return this.#member("vars");
  }

  set vars(value: unknown) {
    const step = this.scope.step;
    if (step === undefined) throw outsideStep("vars");
    Reflect.set(step, "vars", value);
  }

  get db(): unknown {
    return this.#member("db");
  }

  get kv(): unknown {
    return this.#member("kv");
  }

  get blob(): unknown {
    return this.#member("blob");
  }

  get conns(): unknown {
    return this.#member("conns");
  }

  get presence(): unknown {
    return this.#member("presence");
  }

  get schedule(): unknown {
    return this.#member("schedule");
  }

  get cron(): unknown {
    return this.#member("cron");
  }

  get idempotencyKey(): unknown {
    return this.#member("idempotencyKey");
  }

  get attempt(): unknown {
    return this.#member("attempt");
  }

  get request(): undefined {
    return undefined;
  }

  get client(): unknown {
    return this.#member("client");
  }

  get broadcast(): unknown {
    return this.#member("broadcast");
  }

  get fetch(): unknown {
    return this.#member("fetch");
  }

  get transaction(): unknown {
    return this.#member("transaction");
  }

  get saveState(): unknown {
    return this.#member("saveState");
  }

  get keepAwake(): unknown {
    return this.#member("keepAwake");
  }

  get waitUntil(): unknown {
    return this.#member("waitUntil");
  }

  get destroy(): unknown {
    return this.#member("destroy");
  }
}

interface Sender {
  send(name: string, body: unknown): Promise<unknown>;
}
