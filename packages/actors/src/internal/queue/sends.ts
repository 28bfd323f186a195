import { decodeValue, encodeValue, HoldfastError, uuidv4 } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { SendCall } from "../../ports/instance.ts";
import { CallContext } from "../calls/context.ts";
import { RunningCall } from "../calls/running-call.ts";
import { type Connection, HostConnection } from "../connections/connection.ts";
import { interruptedError } from "../lifecycle/error-filter.ts";
import type { RecordedCall } from "../turn/call-ledger.ts";
import type { QueueDependencies } from "./dependencies.ts";
import { invalidOptions, type Policy } from "./policy.ts";
import type { Queues } from "./queues.ts";

/** The ledger's record of a send: that it is queued, or how it was completed. */
interface Outcome {
  readonly bytes: Uint8Array;
  /** The message to wait for; undefined if the bytes are the final result. */
  readonly id: number | undefined;
}

/** A send with a key that is being queued, shared by its retries. */
interface Entering {
  readonly outcome: Promise<Outcome>;
  /** True if one of them waits for the completion, whose result is then recorded under the key. */
  waits: boolean;
  /** The outcome so far; undefined before it is queued. */
  entered: Outcome | undefined;
}

/** The response for a sender that does not wait. */
const accepted = encodeValue({ status: "completed" });
const timedOut = encodeValue({ status: "timedOut" });
/** An id that no message has. */
const noMessageId = 0;

/** Messages from outside: from clients and other actors. */
export class Sends {
  readonly #queues: Queues;
  readonly #actor: QueueDependencies;
  /** Sends with keys that are being queued, for concurrent retries. */
  readonly #entering = new Map<string, Entering>();
  /** Rejects the waiting senders. */
  readonly #leave = new Set<(error: unknown) => void>();

  constructor(queues: Queues) {
    this.#queues = queues;
    this.#actor = queues.actor;
  }

  /** Resolves with the CBOR of `{ status, response? }`, durable. Rejects with an error that the caller may see. */
  async send(call: SendCall): Promise<Uint8Array> {
    const { activity, errors, ports } = this.#actor;
    activity.begin();
    try {
      const policy = this.#queues.declared(call.name);
      const timeoutMs = timeoutOf(call.timeoutMs);
      if (!call.wait) {
        await this.#enterOnce(call, policy);
        return accepted;
      }
      // The completion may happen before the arrival is durable: it is found by the key.
      const keyed = { ...call, idempotencyKey: call.idempotencyKey ?? uuidv4(ports.random) };
      const outcome = await this.#enterOnce(keyed, policy);
      return outcome.id === undefined ? outcome.bytes : await this.#wait(keyed, outcome.id, timeoutMs);
    } catch (error) {
      throw errors.sanitize(error);
    } finally {
      activity.end();
    }
  }

  async #wait(call: SendCall, id: number, timeoutMs: number | undefined): Promise<Uint8Array> {
    // It may have been completed while its arrival became durable.
    const done = this.#queues.mailbox.find(id) === undefined ? await this.#completion(call) : undefined;
    if (done !== undefined) return done;
    if (timeoutMs === 0) return timedOut;
    if (this.#actor.phase.status !== "ready") throw this.#actor.errors.stopping();
    let ownLeave: ((error: unknown) => void) | undefined;
    try {
      const waits = this.#queues.completions.wait(id, timeoutMs, call.signal, cancelledWait, (leave) => {
        ownLeave = leave;
        this.#leave.add(leave);
      });
      return (await waits) ?? timedOut;
    } finally {
      if (ownLeave !== undefined) this.#leave.delete(ownLeave);
    }
  }

  /** The result of a message that no longer exists, if it was completed. */
  async #completion({ idempotencyKey }: SendCall): Promise<Uint8Array | undefined> {
    if (idempotencyKey === undefined) return undefined;
    const bytes =
      this.#queues.completions.recorded(idempotencyKey) ?? (await this.#findRecorded(idempotencyKey));
    if (bytes === undefined) return undefined;
    await this.#queues.outside();
    await this.#actor.queue.gate();
    return bytes;
  }

  async #findRecorded(key: string): Promise<Uint8Array | undefined> {
    const recorded = await this.#actor.ledger.find(key);
    const outcome = recorded === undefined ? undefined : outcomeOf(recorded);
    return outcome?.id === undefined ? outcome?.bytes : undefined;
  }

  /** Two sends with the same key are queued once. */
  #enterOnce(call: SendCall, policy: Policy): Promise<Outcome> {
    const key = call.idempotencyKey;
    if (key === undefined) return this.#enter(call, policy, undefined);
    const entering = this.#entering.get(key);
    if (entering === undefined) return this.#begin(call, policy, key).outcome;
    if (call.wait) {
      entering.waits = true;
      if (entering.entered !== undefined) this.#recordCompletion(entering.entered, key);
    }
    return entering.outcome;
  }

  #begin(call: SendCall, policy: Policy, key: string): Entering {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const outcome = promise.finally(() => this.#entering.delete(key));
    const entering: Entering = { outcome, waits: call.wait === true, entered: undefined };
    this.#entering.set(key, entering);
    resolve(this.#findOrEnqueue(call, policy, key, entering));
    return entering;
  }

  async #findOrEnqueue(call: SendCall, policy: Policy, key: string, entering: Entering): Promise<Outcome> {
    // A message whose sender waits keeps the key for its lifetime; the ledger keeps it for a window.
    const pending = this.#queues.mailbox.awaited(key);
    if (pending !== undefined) return { bytes: accepted, id: pending.id };
    const lookup = this.#actor.ledger.find(key);
    const recorded = lookup instanceof Promise ? await lookup : lookup;
    if (recorded !== undefined) {
      await this.#queues.outside();
      const outcome = outcomeOf(recorded);
      entering.entered = outcome;
      if (entering.waits) this.#recordCompletion(outcome, key);
      await this.#actor.queue.gate();
      return outcome;
    }
    if (call.resumes) return { bytes: accepted, id: noMessageId };
    if (this.#actor.phase.sealed) throw this.#actor.errors.stopping();
    return this.#enter(call, policy, { key, entering });
  }

  /** The first sender did not wait for the completion: from now on its result is recorded under the key. */
  #recordCompletion({ id }: Outcome, key: string): void {
    const message = id === undefined ? undefined : this.#queues.mailbox.find(id);
    if (message === undefined) return;
    if (this.#actor.phase.sealed) throw this.#actor.errors.stopping();
    this.#queues.mailbox.addWaiter(message, key);
  }

  async #enter(
    call: SendCall,
    policy: Policy,
    keyed: { readonly key: string; readonly entering: Entering } | undefined,
  ): Promise<Outcome> {
    const actor = this.#actor;
    const { queue, ledger } = actor;
    const callerConnection = call.conn instanceof HostConnection ? call.conn.connection : undefined;
    let transient: Connection | undefined;
    if (callerConnection === undefined && actor.definition.hasConnectionHooks) {
      const { params, auth, request } = call;
      transient = await actor.connections.admit({ params, auth, request }, undefined, call.signal);
    }
    try {
      if (policy.canPublish !== undefined) await this.#authorize(call, policy, callerConnection ?? transient);
      const validated = this.#queues.validated(policy, call.body);
      const body = validated instanceof Promise ? await validated : validated;
      // The writes of the hook must not join an open transaction.
      await this.#queues.outside();
      if (actor.phase.sealed) throw actor.errors.stopping();
      const waiter = keyed?.entering.waits ? keyed.key : undefined;
      const { id } = this.#queues.enqueue(policy, body, call.options, waiter);
      const outcome = { bytes: accepted, id };
      if (keyed !== undefined) {
        keyed.entering.entered = outcome;
        ledger.recordOutcome(keyed.key, { type: "result", bytes: encodeValue({ status: "queued", id }) });
        actor.turn.dirty = true;
      }
      await queue.gate();
      return outcome;
    } finally {
      if (transient !== undefined) actor.connections.release(transient);
    }
  }

  async #authorize(call: SendCall, policy: Policy, conn: Connection | undefined): Promise<void> {
    const { canPublish } = policy;
    if (canPublish === undefined) return;
    const running = new RunningCall(undefined);
    const c = new CallContext(this.#actor.context, running, conn, call);
    try {
      const allowed = await this.#actor.turn.runAccessHook(canPublish, c);
      // As in the peer: any truthy value allows, any falsy one refuses.
      if (!allowed) throw new HoldfastError("auth", "forbidden", "Forbidden");
    } finally {
      if (running.transient !== undefined) this.#actor.connections.release(running.transient);
    }
  }

  /** Waiting senders are passed to the next instance, which knows the key. */
  stopping(): void {
    for (const leave of [...this.#leave]) leave(this.#actor.errors.stopping());
  }
}

function outcomeOf(known: RecordedCall): Outcome {
  if (known.type === "error") throw known.error;
  if (known.type === "interrupted") {
    throw interruptedError("An earlier attempt with this key was interrupted");
  }
  const { status, id } = decodeValue(known.bytes, { maxDepth: 1_010 }) as {
    readonly status?: unknown;
    readonly id?: unknown;
  };
  return { bytes: known.bytes, id: status === "queued" && typeof id === "number" ? id : undefined };
}

function timeoutOf(timeoutMs: unknown): number | undefined {
  if (timeoutMs === undefined || timeoutMs === null) return undefined;
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return Math.min(timeoutMs, actorLimits.maxDelayMs);
  throw invalidOptions('"timeout" is not a number of milliseconds');
}

function cancelledWait(): HoldfastError {
  return new HoldfastError("action", "aborted", "The caller cancelled the wait; the message stays", {
    statusCode: 499,
  });
}
