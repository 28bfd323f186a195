import type { ActorConnection, ActorInstance, ConnectionSink, OutgoingEvent } from "@holdfast/actors";
import { type ActorTarget, type ClientFrame, isRetryable } from "@holdfast/client";
import type { WireError } from "@holdfast/core";
import { HoldfastError, isHoldfastError, limits, sanitizeError, toWireError, uuidv4 } from "@holdfast/core";
import type { Directory } from "./directory.ts";
import { serverLimits } from "./limits.ts";

/** Where the output of a connection goes: a WebSocket, or a client in this process. */
export interface SessionOutput {
  init(actorId: string, connId: string): void;
  /** `value` is CBOR. */
  result(id: number, value: Uint8Array): void;
  error(id: number | undefined, error: WireError): void;
  event(event: OutgoingEvent): void;
  pong(): void;
  /** Last of all. `code` is a WebSocket close code. */
  close(code: number, reason: string): void;
}

export interface SessionOptions {
  readonly directory: Directory;
  readonly target: ActorTarget;
  readonly params: unknown;
  readonly request: Request | undefined;
  readonly output: SessionOutput;
  readonly maxOutgoingBytes: number;
  /** Throws to hide an action from this connection. */
  readonly allowCall?: ((name: string) => Promise<void> | void) | undefined;
}

/**
 * One connection between a client and an actor, whatever carries it: it accepts, calls, cancels,
 * subscribes and ends. Calls that are running when the connection is lost run on, so that the client
 * finds their results under their idempotency keys.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #calls = new Map<number, AbortController>();
  readonly #subscriptions = new Set<string>();
  readonly #gone = new AbortController();
  #early: ClientFrame[] | undefined = [];
  #instance: ActorInstance | undefined;
  #connection: ActorConnection | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    void this.#accept();
  }

  /** A frame from the client. */
  frame(frame: ClientFrame): void {
    if (this.#gone.signal.aborted) return;
    if (this.#early === undefined) {
      this.#handle(frame);
    } else if (this.#early.push(frame) > serverLimits.maxFramesBeforeInit) {
      this.fail(new HoldfastError("conn", "too_many_calls", "Too much was sent before the first answer"));
    }
  }

  /** The client has gone away. */
  end(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort(new HoldfastError("conn", "closed", "The client has gone away"));
    this.#connection?.close();
  }

  /** Tells the client why, then closes. */
  fail(error: unknown): void {
    if (this.#gone.signal.aborted) return;
    const visible = this.#visible(error);
    this.#options.output.error(undefined, toWireError(visible));
    // 1012: the service restarts; a client comes back by itself. 1008: it would be refused again.
    this.#options.output.close(isRetryable(visible) ? 1012 : 1008, `${visible.group}.${visible.code}`);
    this.end();
  }

  async #accept(): Promise<void> {
    const { directory, target, params, request } = this.#options;
    try {
      const connection = await directory.connect(
        target,
        { params, request, signal: this.#gone.signal },
        (instance) => this.#sink(instance),
      );
      if (this.#gone.signal.aborted) connection.close();
    } catch (error) {
      this.fail(error);
    }
  }

  #sink(instance: ActorInstance): ConnectionSink {
    const { output } = this.#options;
    return {
      open: (connection) => {
        if (this.#gone.signal.aborted) return;
        this.#instance = instance;
        this.#connection = connection;
        output.init(instance.id, connection.id);
        const early = this.#early ?? [];
        this.#early = undefined;
        for (const frame of early) this.#handle(frame);
      },
      send: (event) => {
        if (!this.#gone.signal.aborted) output.event(event);
      },
      close: (code, reason) => {
        if (this.#gone.signal.aborted) return;
        output.close(code, reason);
        this.end();
      },
    };
  }

  #handle(frame: ClientFrame): void {
    switch (frame.type) {
      case "call":
        return this.#call(frame);
      case "cancel":
        return this.#calls.get(frame.id)?.abort(cancelled());
      case "subscribe":
        return this.#subscribe(frame.event);
      case "unsubscribe":
        this.#subscriptions.delete(frame.event);
        return this.#connection?.unsubscribe(frame.event);
      case "ping":
        return this.#options.output.pong();
    }
  }

  #subscribe(event: string): void {
    if (this.#subscriptions.size >= serverLimits.maxSubscriptions) {
      const message = `A connection subscribes to at most ${serverLimits.maxSubscriptions} events`;
      this.fail(new HoldfastError("conn", "too_many_subscriptions", message));
      return;
    }
    this.#subscriptions.add(event);
    this.#connection?.subscribe(event);
  }

  #call(frame: CallFrame): void {
    if (this.#calls.has(frame.id)) {
      this.fail(new HoldfastError("message", "malformed_frame", "Two running calls have one number"));
      return;
    }
    if (this.#calls.size >= serverLimits.maxCallsPerConnection) {
      const message = `A connection has at most ${serverLimits.maxCallsPerConnection} running calls`;
      this.#answerError(frame.id, new HoldfastError("conn", "too_many_calls", message, { statusCode: 429 }));
      return;
    }
    const abort = new AbortController();
    this.#calls.set(frame.id, abort);
    let allowed: Promise<void> | void;
    try {
      checkIdempotencyKey(frame.idempotencyKey);
      allowed = this.#options.allowCall?.(frame.name);
    } catch (error) {
      this.#answerError(frame.id, error);
      return;
    }
    if (allowed === undefined) {
      this.#invoke(frame, abort.signal);
      return;
    }
    allowed.then(
      () => this.#invoke(frame, abort.signal),
      (error: unknown) => this.#answerError(frame.id, error),
    );
  }

  #invoke(frame: CallFrame, signal: AbortSignal): void {
    const instance = this.#instance;
    if (instance === undefined) return;
    const { id, name, args, idempotencyKey } = frame;
    instance.invoke({ name, args, idempotencyKey, signal, conn: this.#connection }).then(
      (value) => this.#answer(id, value),
      (error: unknown) => this.#answerError(id, error),
    );
  }

  #answer(id: number, value: Uint8Array): void {
    this.#calls.delete(id);
    if (this.#gone.signal.aborted) return;
    if (value.length > this.#options.maxOutgoingBytes) {
      this.#answerError(id, outgoingTooLong(this.#options.maxOutgoingBytes));
      return;
    }
    this.#options.output.result(id, value);
  }

  #answerError(id: number, error: unknown): void {
    this.#calls.delete(id);
    if (this.#gone.signal.aborted) return;
    this.#options.output.error(id, toWireError(this.#visible(error)));
  }

  #visible(error: unknown): HoldfastError {
    if (isHoldfastError(error)) return error;
    const { directory } = this.#options;
    return sanitizeError(error, uuidv4(directory.ports.random), (id, full) => directory.report(id, full));
  }
}

type CallFrame = Extract<ClientFrame, { type: "call" }>;

export function cancelled(): HoldfastError {
  return new HoldfastError("action", "aborted", "The caller cancelled the call");
}

export function outgoingTooLong(maxBytes: number): HoldfastError {
  const message = `The answer is longer than ${maxBytes} bytes`;
  return new HoldfastError("message", "outgoing_too_long", message, { statusCode: 500 });
}

/** Throws `message.invalid_idempotency_key`. */
export function checkIdempotencyKey(key: string): void {
  if (key.length > 0 && key.length <= limits.maxIdempotencyKeyLength) return;
  const message = `An idempotency key has 1 to ${limits.maxIdempotencyKeyLength} characters`;
  throw new HoldfastError("message", "invalid_idempotency_key", message);
}
