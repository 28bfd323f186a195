/** Running actions, their contexts, and streamed results. */
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
  "An earlier attempt was interrupted; its committed changes stay, and it is not repeated";

/** Outcome that is remembered for a call whose result was a stream. */
const streamOutcome: CallOutcome = { type: "error", error: streamNotReplayable() };

/** A call from the host or from a schedule. Calls from a schedule have no connection and run no connection hooks. */
interface AnyCall extends InvokeCall {
  readonly scheduled?: ScheduledRun;
}

/** The running actions of one actor. */
export class Calls {
  readonly #actor: CallsDependencies;
  readonly #running = new LazySet<RunningCall>();
  readonly #byKey = new LazyMap<string, RunningCall>();

  constructor(actor: CallsDependencies) {
    this.#actor = actor;
  }

  /** True if no action runs or waits to run. */
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
    const recorded = this.#actor.ledger.find(key);
    if (recorded instanceof Promise) return this.#invokeAfterLookup(call, action, key, recorded);
    return recorded === undefined ? this.#run(call, action, key) : this.#replay(recorded);
  }

  async #invokeAfterLookup(
    call: AnyCall,
    action: AnyFunction,
    key: string,
    asked: Promise<RecordedCall | undefined>,
  ): Promise<Uint8Array> {
    // From here on a stop waits for this call as for a running one.
    this.#actor.activity.begin();
    try {
      const recorded = await asked.catch((error: unknown) => {
        throw this.#actor.errors.sanitize(error);
      });
      const running = this.#byKey.get(key);
      if (running !== undefined) return await this.#join(running, call);
      if (recorded !== undefined) return await this.#replay(recorded);
      // Another retry may have finished while the store was read.
      const since = this.#actor.ledger.cachedOutcome(key);
      if (since !== undefined) return await this.#replay(since);
      if (this.#actor.phase.sealed) throw this.#actor.errors.stopping();
      return await this.#run(call, action, key);
    } finally {
      this.#actor.activity.end();
    }
  }

  /** A recorded outcome passes the output gate, too: its record may not be durable yet. */
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
      this.#startTimeout(running);
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
        this.#startTimeout(running);
        this.#runWithConnection(running, call, action);
      } else this.#enter(running, call, action, conn, undefined);
    });
  }

  /**
   * A stateless call of an actor with connection hooks gets a connection for its own duration. The hooks run before
   * the call enters the transaction lock, so that they may use transactions of their own.
   */
  #runWithConnection(running: RunningCall, call: AnyCall, action: AnyFunction): void {
    const { connections, transactionLock } = this.#actor;
    const { params, auth, request } = call;
    const admit = (): Promise<Connection> => {
      running.markStarted(this.#actor.turn.writes, this.#actor.turn.sends);
      return connections.admit({ params, auth, request }, undefined, call.signal);
    };
    (transactionLock.pass()?.then(admit) ?? admit()).then(
      (connection) => this.#enter(running, call, action, connection, () => connections.release(connection)),
      (error: unknown) => this.#end(running, this.#failure(error), undefined),
    );
  }

  /** Runs the action as soon as the lock admits it. */
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
      running.markStarted(turn.writes, turn.sends);
      if (definition.actionRules.get(call.name)?.durability === "relaxed") running.isRelaxed = true;
      const { abortReason } = running;
      if (abortReason !== undefined) return this.#end(running, this.#failure(abortReason), after);
      call.scheduled?.entered();
      this.#execute(running, call, action, conn, after);
    };
    if (admission === undefined) return begin();
    if (!running.hasTimeout) this.#startTimeout(running);
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
      if (!running.hasTimeout) this.#startTimeout(running);
      // A thenable of user code may settle twice or throw; a native promise does neither.
      const ended = output instanceof Promise ? output : Promise.resolve(output);
      const sanitized =
        hook === undefined
          ? ended
          : ended.then((value) => {
              const failure = actor.state.notifyNow();
              if (failure !== undefined) throw failure.error;
              return actor.turn.enter(() => hook(c, call.name, call.args, value));
            });
      sanitized.then(
        (value) => this.#finish(running, call, value, after),
        (error: unknown) => this.#end(running, this.#actionFailure(error), after),
      );
    } catch (error) {
      this.#end(running, this.#actionFailure(error), after);
    }
  }

  #finish(running: RunningCall, call: AnyCall, output: unknown, after: (() => void) | undefined): void {
    let pieces: AsyncIterator<unknown> | undefined;
    try {
      pieces = resultChunks(output);
    } catch (error) {
      // The stream may be locked, or the iterator may throw.
      return this.#end(running, this.#failure(error), after);
    }
    if (pieces === undefined) {
      // The result of a scheduled action is discarded, so it need not be encodable.
      const result = call.scheduled === undefined ? output : undefined;
      return this.#end(running, this.#success(result), after);
    }
    if (call.stream === undefined) {
      // The caller gets `stream_not_supported`; an error from closing the iterator is only logged.
      new Promise((resolve) => resolve(pieces.return?.())).catch((error: unknown) => {
        this.#actor.errors.report(error);
      });
      return this.#end(running, this.#failure(streamNotSupported()), after);
    }
    sendResultStream(this.#actor, running, pieces, call.stream).then(
      () => this.#end(running, this.#success(undefined), after),
      (error: unknown) => this.#end(running, this.#actionFailure(error), after),
    );
  }

  /** Encodes the result immediately, so that later changes of the actor do not affect it. */
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

  /** The outcome of an action that threw after it began. */
  #actionFailure(error: unknown): CallOutcome {
    return { type: "error", error: this.#actor.errors.ofWork(error) };
  }

  #end(running: RunningCall, ended: CallOutcome, after: (() => void) | undefined): void {
    const actor = this.#actor;
    // Output of `onStateChange` belongs to the turn of the change, and its error goes to the caller that made the
    // change.
    const failure = actor.state.notifyNow();
    const outcome = failure === undefined || ended.type === "error" ? ended : this.#failure(failure.error);
    running.end(outcome);
    this.#running.delete(running);
    const { key } = running;
    if (key !== undefined && this.#byKey.get(key) === running) {
      this.#byKey.delete(key);
      actor.changes.checkLeaves();
      if (running.startedRecorded || running.mayHaveWritten(actor.turn.writes)) {
        actor.ledger.recordOutcome(key, running.isStream ? streamOutcome : outcome);
        actor.turn.dirty = true;
      } else if (running.mayHaveSent(actor.turn.sends)) {
        // Nothing to commit: the outcome is remembered in memory, because a second run would send its output again.
        actor.ledger.cacheOutcome(key, running.isStream ? streamOutcome : outcome);
      }
    }
    if (running.isRelaxed) actor.queue.ahead(running);
    else actor.queue.after(running);
    after?.();
    if (running.transient !== undefined) actor.connections.forget(running.transient);
    if (running.entered) this.#leave(running);
    actor.activity.end();
  }

  #leave(running: RunningCall): void {
    const { transactionLock } = this.#actor;
    running.entered = false;
    // A transaction that it started without awaiting waits for the actions that are still inside.
    transactionLock.unpark(running);
    transactionLock.leave();
  }

  #startTimeout(running: RunningCall): void {
    const actor = this.#actor;
    const { actionTimeout } = actor.definition.options;
    running.startTimeout(actor.ports.tasks, actionTimeout, () => {
      running.abort(timedOut(actionTimeout));
      const error = timedOut(actionTimeout);
      const rejectCall = (): void => running.reject(error);
      // A transaction may never end, and callers must not wait for it. A schedule records the timeout, which is not
      // part of the transaction.
      if (actor.inTransaction && running.scheduled === undefined) return rejectCall();
      actor.queue.after({ release: rejectCall, drop: (failure) => running.reject(failure) });
    });
  }

  /** Records, with the turn that closes now, the keyed calls that may have written in it and are still running. */
  recordStarted(): void {
    for (const [key, running] of this.#byKey) {
      if (running.startedRecorded || !running.mayHaveWritten(this.#actor.turn.writes)) continue;
      running.startedRecorded = true;
      this.#actor.ledger.recordStart(key);
    }
  }

  /** Cancels the call with this key for all of its waiters. */
  cancel(key: string): void {
    this.#byKey.get(key)?.cancel();
  }

  abortAll(reason: HoldfastError): void {
    for (const running of this.#running) running.abort(reason);
  }

  rejectAll(error: HoldfastError): void {
    // An action that has not begun has not run: its caller may retry safely.
    const notRun = this.#actor.errors.stopping();
    for (const running of this.#running) running.reject(running.hasBegun ? error : notRun);
  }
}
