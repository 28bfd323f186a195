/** Running actions, the context they get, and results that stream. */
import { encodeValue, HoldfastError } from "@holdfast/core";
import type { InvokeCall } from "../../ports/instance.ts";
import { type Connection, HostConnection } from "../connections/connection.ts";
import type { Connections } from "../connections/connections.ts";
import type { AnyFunction } from "../definition/runtime-definition.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { interruptedError } from "../lifecycle/error-filter.ts";
import { isThenable } from "../lifecycle/hooks.ts";
import type { ScheduledRun } from "../schedule/fire.ts";
import type { CallLedger, RecordedCall } from "../turn/call-ledger.ts";
import type { CallOutcome } from "../turn/call-result.ts";
import { LazyMap, LazySet } from "../util/lazy.ts";
import { CallContext } from "./context.ts";
import { resultChunks, sendResultStream, streamNotReplayable, streamNotSupported } from "./result-stream.ts";
import { RunningCall } from "./running-call.ts";

/** The components that actions work with. */
interface CallsDependencies
  extends Pick<
    ActorCore,
    | "activity"
    | "context"
    | "definition"
    | "errors"
    | "inTransaction"
    | "name"
    | "phase"
    | "ports"
    | "queue"
    | "state"
    | "transactionLock"
    | "turn"
  > {
  readonly changes: { checkLeaves(): void };
  readonly connections: Connections;
  readonly ledger: CallLedger;
}

function timedOut(timeoutMs: number): HoldfastError {
  return new HoldfastError("actor", "action_timed_out", "Action timed out", { metadata: { timeoutMs } });
}

const interruptedMessage =
  "An earlier attempt stopped half-way; what it committed stays, and it is not run again";

/** What is remembered of a call whose result came in pieces. */
const unrepeatable: CallOutcome = { type: "error", error: streamNotReplayable() };

/** A call of the host, or one that a schedule makes: without a connection and its hooks. */
interface AnyCall extends InvokeCall {
  readonly scheduled?: ScheduledRun;
}

/** The actions that run in one actor. */
export class Calls {
  readonly #actor: CallsDependencies;
  readonly #running = new LazySet<RunningCall>();
  readonly #byKey = new LazyMap<string, RunningCall>();

  constructor(actor: CallsDependencies) {
    this.#actor = actor;
  }

  /** Nothing runs, and nothing is asked for that may. */
  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  invoke(call: AnyCall): Promise<Uint8Array> {
    const { actions, internalActions } = this.#actor.definition;
    const action = actions.get(call.name) ?? internalActions.get(call.name);
    if (action === undefined) {
      const message = `The actor "${this.#actor.name}" has no action "${call.name}"`;
      return Promise.reject(new HoldfastError("actor", "action_not_found", message));
    }
    const key = call.idempotencyKey;
    if (key === undefined) return this.#run(call, action, undefined);
    const running = this.#byKey.get(key);
    if (running !== undefined) return this.#join(running, call);
    const known = this.#actor.ledger.find(key);
    if (known instanceof Promise) return this.#invokeAfterLookup(call, action, key, known);
    return known === undefined ? this.#run(call, action, key) : this.#replay(known);
  }

  async #invokeAfterLookup(
    call: AnyCall,
    action: AnyFunction,
    key: string,
    asked: Promise<RecordedCall | undefined>,
  ): Promise<Uint8Array> {
    // A stop waits for this call from here on, as for one that runs.
    this.#actor.activity.begin();
    try {
      const known = await asked.catch((error: unknown) => {
        throw this.#actor.errors.sanitize(error);
      });
      const running = this.#byKey.get(key);
      if (running !== undefined) return await this.#join(running, call);
      if (known !== undefined) return await this.#replay(known);
      // Another retry may have run to its end while the store answered.
      const since = this.#actor.ledger.remembered(key);
      if (since !== undefined) return await this.#replay(since);
      if (this.#actor.phase.sealed) throw this.#actor.errors.stopping();
      return await this.#run(call, action, key);
    } finally {
      this.#actor.activity.end();
    }
  }

  /** A recorded outcome leaves through the gate as well: its record may not be durable yet. */
  #replay(known: RecordedCall): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#actor.queue.after({
        release: () => {
          if (known.type === "result") resolve(known.bytes);
          else reject(known.type === "error" ? known.error : interruptedError(interruptedMessage));
        },
        drop: reject,
      });
    });
  }

  #join(running: RunningCall, call: AnyCall): Promise<Uint8Array> {
    if (running.isStream) return Promise.reject(streamNotReplayable());
    return new Promise((resolve, reject) => {
      running.wait({ resolve, reject }, call.signal);
      this.#limit(running);
    });
  }

  #run(call: AnyCall, action: AnyFunction, key: string | undefined): Promise<Uint8Array> {
    const actor = this.#actor;
    const running = new RunningCall(key);
    running.scheduled = call.scheduled;
    return new Promise((resolve, reject) => {
      running.wait({ resolve, reject }, call.signal);
      this.#running.add(running);
      if (key !== undefined) this.#byKey.set(key, running);
      actor.activity.begin();
      const conn = call.conn instanceof HostConnection ? call.conn.connection : undefined;
      if (conn === undefined && actor.definition.hasConnectionHooks && call.scheduled === undefined) {
        this.#limit(running);
        this.#runWithConnection(running, call, action);
      } else this.#enter(running, call, action, conn, undefined);
    });
  }

  /**
   * A stateless call of an actor with connection hooks: a connection as short as the call. Its hooks
   * run before the call enters the transactionLock, so that they may have transactions of their own.
   */
  #runWithConnection(running: RunningCall, call: AnyCall, action: AnyFunction): void {
    const { connections, transactionLock } = this.#actor;
    const { params, auth, request } = call;
    const admit = (): Promise<Connection> => {
      running.began(this.#actor.turn.writes, this.#actor.turn.sends);
      return connections.admit({ params, auth, request }, undefined, call.signal);
    };
    (transactionLock.pass()?.then(admit) ?? admit()).then(
      (connection) => this.#enter(running, call, action, connection, () => connections.release(connection)),
      (error: unknown) => this.#end(running, this.#failure(error), undefined),
    );
  }

  /** Runs the action, at once or when it is its turn. */
  #enter(
    running: RunningCall,
    call: AnyCall,
    action: AnyFunction,
    conn: Connection | undefined,
    after: (() => void) | undefined,
  ): void {
    const admission = this.#actor.transactionLock.enter();
    const begin = (): void => {
      const { definition, turn } = this.#actor;
      running.entered = true;
      running.began(turn.writes, turn.sends);
      if (definition.actionRules.get(call.name)?.durability === "relaxed") running.goesFirst = true;
      const { abortReason } = running;
      if (abortReason !== undefined) return this.#end(running, this.#failure(abortReason), after);
      call.scheduled?.entered();
      this.#execute(running, call, action, conn, after);
    };
    if (admission === undefined) return begin();
    if (!running.limited) this.#limit(running);
    admission.then(begin, (error: unknown) => this.#end(running, this.#failure(error), after));
  }

  #execute(
    running: RunningCall,
    call: AnyCall,
    action: AnyFunction,
    conn: Connection | undefined,
    after: (() => void) | undefined,
  ): void {
    const actor = this.#actor;
    const c = new CallContext(actor.context, running, conn, call);
    const args = call.scheduled === undefined ? call.args : [...call.args, call.scheduled.info];
    const hook = actor.definition.hooks.onBeforeActionResponse;
    try {
      const output = actor.turn.enter(() => action(c, ...args));
      if (hook === undefined && !isThenable(output)) return this.#finish(running, call, output, after);
      if (!running.limited) this.#limit(running);
      // A promise of somebody's own may settle twice, or throw.
      const ended = output instanceof Promise ? output : Promise.resolve(output);
      const shown =
        hook === undefined
          ? ended
          : ended.then((value) => {
              const failure = actor.state.notifyNow();
              if (failure !== undefined) throw failure.error;
              return actor.turn.enter(() => hook(c, call.name, call.args, value));
            });
      shown.then(
        (value) => this.#finish(running, call, value, after),
        (error: unknown) => this.#end(running, this.#thrown(error), after),
      );
    } catch (error) {
      this.#end(running, this.#thrown(error), after);
    }
  }

  #finish(running: RunningCall, call: AnyCall, output: unknown, after: (() => void) | undefined): void {
    let pieces: AsyncIterator<unknown> | undefined;
    try {
      pieces = resultChunks(output);
    } catch (error) {
      // A stream that somebody reads already, or an iterator of somebody's own that throws.
      return this.#end(running, this.#failure(error), after);
    }
    if (pieces === undefined) {
      // Nobody gets what an action returns to its schedule: it need not be a value that can be sent.
      const result = call.scheduled === undefined ? output : undefined;
      return this.#end(running, this.#success(result), after);
    }
    if (call.stream === undefined) {
      // The caller hears that there is no stream; what the end of the pieces throws is for the log.
      new Promise((resolve) => resolve(pieces.return?.())).catch((error: unknown) => {
        this.#actor.errors.report(error);
      });
      return this.#end(running, this.#failure(streamNotSupported()), after);
    }
    sendResultStream(this.#actor, running, pieces, call.stream).then(
      () => this.#end(running, this.#success(undefined), after),
      (error: unknown) => this.#end(running, this.#thrown(error), after),
    );
  }

  /** The result is encoded now: what the actor changes later does not reach into it. */
  #success(output: unknown): CallOutcome {
    try {
      return { type: "result", bytes: encodeValue(this.#actor.state.unwrap(output)) };
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown): CallOutcome {
    return { type: "error", error: this.#actor.errors.sanitize(error) };
  }

  /** Of an action that has begun. */
  #thrown(error: unknown): CallOutcome {
    return { type: "error", error: this.#actor.errors.ofWork(error) };
  }

  #end(running: RunningCall, ended: CallOutcome, after: (() => void) | undefined): void {
    const actor = this.#actor;
    // What `onStateChange` sends is in the turn of the change, and what it throws is told to whose change it was.
    const failure = actor.state.notifyNow();
    const outcome = failure === undefined || ended.type === "error" ? ended : this.#failure(failure.error);
    running.end(outcome);
    this.#running.delete(running);
    const { key } = running;
    if (key !== undefined && this.#byKey.get(key) === running) {
      this.#byKey.delete(key);
      actor.changes.checkLeaves();
      if (running.startedRecorded || running.mayHaveWritten(actor.turn.writes)) {
        actor.ledger.done(key, running.isStream ? unrepeatable : outcome);
        actor.turn.dirty = true;
      } else if (running.mayHaveSent(actor.turn.sends)) {
        // Nothing to commit: it is told once for as long as this instance lives, as what it sent is.
        actor.ledger.remember(key, running.isStream ? unrepeatable : outcome);
      }
    }
    if (running.goesFirst) actor.queue.ahead(running);
    else actor.queue.after(running);
    after?.();
    if (running.transient !== undefined) actor.connections.forget(running.transient);
    if (running.entered) this.#leave(running);
    actor.activity.end();
  }

  #leave(running: RunningCall): void {
    const { transactionLock } = this.#actor;
    running.entered = false;
    // Its transaction, for which it has not waited, waits for those that are still inside.
    transactionLock.unpark(running);
    transactionLock.leave();
  }

  #limit(running: RunningCall): void {
    const actor = this.#actor;
    const { actionTimeout } = actor.definition.options;
    running.limit(actor.ports.tasks, actionTimeout, () => {
      running.abort(timedOut(actionTimeout));
      const error = timedOut(actionTimeout);
      const tell = (): void => running.reject(error);
      // A transaction may never end, and its callers wait no longer than others. What a schedule hears it
      // writes down, which is no part of the transaction.
      if (actor.inTransaction && running.scheduled === undefined) return tell();
      actor.queue.after({ release: tell, drop: (failure) => running.reject(failure) });
    });
  }

  /** The turn that closes now records the keyed calls that may have a part in it and go on after it. */
  recordStarted(): void {
    for (const [key, running] of this.#byKey) {
      if (running.startedRecorded || !running.mayHaveWritten(this.#actor.turn.writes)) continue;
      running.startedRecorded = true;
      this.#actor.ledger.started(key);
    }
  }

  /** Nobody wants what the call of this key gives. */
  cancel(key: string): void {
    this.#byKey.get(key)?.cancel();
  }

  abortAll(reason: HoldfastError): void {
    for (const running of this.#running) running.abort(reason);
  }

  rejectAll(error: HoldfastError): void {
    // What has not begun has not run: its caller may simply try again.
    const notRun = this.#actor.errors.stopping();
    for (const running of this.#running) running.reject(running.hasBegun ? error : notRun);
  }
}
