import type { ActorConnection, ActorInstance } from "@holdfast/actors";
import type { ClientFrame } from "@holdfast/client";
import { HoldfastError, isErrorCode, toWireError } from "@holdfast/core";
import { ownerLost } from "../cluster/placement.ts";
import type { Directory } from "../directory/directory.ts";
import { serverLimits } from "../limits.ts";
import { contentOf } from "./queue-content.ts";
import { type CallOwner, SessionCall } from "./session-call.ts";
import { cancelled, checkIdempotencyKey, outgoingTooLong } from "./session-errors.ts";
import type { AllowCall, SessionOutput } from "./types.ts";

type CancelFrame = Extract<ClientFrame, { type: "cancel" }>;
type CallFrame = Extract<ClientFrame, { type: "call" }>;
type SendFrame = Extract<ClientFrame, { type: "send" }>;
type RequestFrame = CallFrame | SendFrame;
/** Runs a request on the actor. The result is CBOR. */
type Run = (instance: ActorInstance, call: SessionCall) => Promise<Uint8Array>;

/** The connection to which the calls belong. */
export interface CallHost {
  /** Undefined while the actor is out of memory. */
  readonly instance: ActorInstance | undefined;
  readonly connection: ActorConnection | undefined;
  /** False when another node may serve the actor by now. */
  readonly mayAnswer: boolean;
  /** True while the client is disconnected and may return. */
  readonly isLost: boolean;
  /** True while the client can receive answers. */
  readonly isReachable: boolean;
  /** Wakes the actor and runs `run` when it is in memory. */
  runWhenAwake(run: () => void): void;
  /** Sends the error, then closes the connection. */
  fail(error: unknown): void;
  /** The error as the client may see it. */
  toVisibleError(error: unknown): HoldfastError;
}

export interface SessionCallsOptions {
  readonly directory: Pick<Directory, "admission">;
  readonly output: SessionOutput;
  readonly maxOutgoingBytes: number;
  readonly allowCall?: AllowCall | undefined;
}

/**
 * Running calls and queue sends of a connection. They continue when the connection is lost, so that the client finds
 * their results under their idempotency keys.
 */
export class SessionCalls implements CallOwner {
  readonly #host: CallHost;
  readonly #options: SessionCallsOptions;
  readonly #calls = new Map<number, SessionCall>();

  constructor(host: CallHost, options: SessionCallsOptions) {
    this.#host = host;
    this.#options = options;
  }

  get maxOutgoingBytes(): number {
    return this.#options.maxOutgoingBytes;
  }

  has(id: number): boolean {
    return this.#calls.has(id);
  }

  call(frame: CallFrame): void {
    const { name, args, idempotencyKey } = frame;
    this.#start(frame, "action", name, (instance, call) => {
      const { connection: conn } = this.#host;
      return instance.invoke({ name, args, idempotencyKey, signal: call.abort, conn, stream: call });
    });
  }

  send(frame: SendFrame): void {
    const { queue: name, idempotencyKey } = frame;
    this.#start(frame, "send", name, async (instance, call) => {
      const content = contentOf({ ...frame.content });
      const { connection: conn } = this.#host;
      return instance.send({ ...content, name, idempotencyKey, signal: call.abort, conn });
    });
  }

  cancel({ id, idempotencyKey }: CancelFrame): void {
    const call = this.#calls.get(id);
    if (call !== undefined) call.abort.abort(cancelled());
    // The call came over an earlier connection and is still running.
    else if (idempotencyKey !== undefined) this.#host.instance?.cancelCall(idempotencyKey);
  }

  /** Allows a streamed result this many more chunks. */
  addCredit(id: number, pieces: number): void {
    this.#calls.get(id)?.more(pieces);
  }

  /** Aborts the calls with a streamed result, which another connection cannot continue. */
  abortStreams(): void {
    const error = new HoldfastError("conn", "closed", "The client has disconnected");
    for (const call of this.#calls.values()) if (call.isStream) call.abort.abort(error);
  }

  beginStream(id: number): void {
    if (this.#host.isReachable) this.#options.output.stream(id);
  }

  sendChunk(id: number, value: Uint8Array): void {
    if (this.#host.isReachable) this.#options.output.chunk(id, value);
  }

  #start(frame: RequestFrame, kind: "action" | "send", name: string, run: Run): void {
    const { id, idempotencyKey } = frame;
    if (this.#calls.has(id)) {
      this.#host.fail(
        new HoldfastError("message", "malformed_frame", "Two running calls have the same number"),
      );
      return;
    }
    if (this.#calls.size >= serverLimits.maxCallsPerConnection) {
      const message = `A connection has at most ${serverLimits.maxCallsPerConnection} running calls`;
      this.#sendError(id, new HoldfastError("conn", "too_many_calls", message, { statusCode: 429 }));
      return;
    }
    const call = new SessionCall(this, id);
    this.#calls.set(id, call);
    let allowed: Promise<void> | void;
    try {
      checkIdempotencyKey(idempotencyKey);
      allowed = this.#options.allowCall?.(kind, name);
    } catch (error) {
      this.#sendError(id, error);
      return;
    }
    if (allowed === undefined) {
      this.#run(id, call, run);
      return;
    }
    allowed.then(
      () => this.#run(id, call, run),
      (error: unknown) => this.#sendError(id, error),
    );
  }

  #run(id: number, call: SessionCall, run: Run): void {
    const host = this.#host;
    if (host.isLost) {
      this.#calls.delete(id);
      return;
    }
    const { instance } = host;
    if (instance === undefined) return host.runWhenAwake(() => this.#run(id, call, run));
    let leave: () => void;
    try {
      leave = this.#options.directory.admission.enter(0);
    } catch (error) {
      return this.#sendError(id, error);
    }
    run(instance, call).then(
      (value) => {
        leave();
        this.#sendResult(id, value);
      },
      (error: unknown) => {
        leave();
        // The call arrived while the actor was going to sleep, and did not run.
        if (!isErrorCode(error, "actor", "stopping") || call.isStream) return this.#sendError(id, error);
        return instance.stopped.then(() => {
          if (host.instance === instance) this.#sendError(id, error);
          else this.#run(id, call, run);
        });
      },
    );
  }

  #sendResult(id: number, value: Uint8Array): void {
    this.#calls.delete(id);
    if (!this.#host.isReachable) return;
    if (!this.#host.mayAnswer) return this.#host.fail(ownerLost());
    const { output, maxOutgoingBytes } = this.#options;
    if (value.length > maxOutgoingBytes) this.#sendError(id, outgoingTooLong(maxOutgoingBytes));
    else output.result(id, value);
  }

  #sendError(id: number, error: unknown): void {
    this.#calls.delete(id);
    const host = this.#host;
    if (host.isReachable) this.#options.output.error(id, toWireError(host.toVisibleError(error)));
  }
}
