/** One client connection, independent of its transport: calls, events, resume. */
import type {
  ActorConnection,
  ActorInstance,
  ConnectionMemory,
  ConnectionSink,
  OutgoingEvent,
} from "@holdfast/actors";
import {
  type ActorTarget,
  type ClientFrame,
  isRetryable,
  type ResumeInfo,
  type ResumePoint,
} from "@holdfast/client";
import type { Timer, WireError } from "@holdfast/core";
import { HoldfastError, isErrorCode, sanitizeError, toWireError, uuidv4 } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";
import type { ResumableSession } from "../directory/hibernating-connections.ts";
import { serverLimits } from "../limits.ts";
import { EventLog } from "./event-log.ts";
import { contentOf } from "./queue-content.ts";
import { type CallOwner, SessionCall } from "./session-call.ts";
import { cancelled, checkIdempotencyKey, outgoingTooLong, tooManySubscriptions } from "./session-errors.ts";

export { cancelled, checkIdempotencyKey, outgoingTooLong } from "./session-errors.ts";

/** Output of a connection: a WebSocket, an event stream, or a client in this process. */
export interface SessionOutput {
  init(actorId: string, connId: string, resume: ResumeInfo): void;
  /** `value` is CBOR. */
  result(id: number, value: Uint8Array): void;
  error(id: number | undefined, error: WireError): void;
  /** `number` numbers the events of this client. */
  event(event: OutgoingEvent, number: number): void;
  stream(id: number): void;
  /** `value` is CBOR. */
  chunk(id: number, value: Uint8Array): void;
  pong(): void;
  /** Called last. `code` is a WebSocket close code. */
  close(code: number, reason: string): void;
}

export interface SessionOptions {
  readonly directory: Directory;
  readonly target: ActorTarget;
  readonly params: unknown;
  /** The return value of `onAuth`. */
  readonly auth?: unknown;
  readonly request: Request | undefined;
  readonly output: SessionOutput;
  readonly maxOutgoingBytes: number;
  /** The lost connection of the same client. */
  readonly resume?: ResumePoint | undefined;
  /** Events to subscribe to when it opens. */
  readonly events?: readonly string[];
  /** Throws to hide an action or a queue from this connection. */
  readonly allowCall?: ((kind: "action" | "send", name: string) => Promise<void> | void) | undefined;
}

/** Allows for running calls, and for subscriptions that a client repeats when it reconnects. */
const maxWaiting = serverLimits.maxCallsPerConnection + serverLimits.maxSubscriptions;

/**
 * One connection between a client and an actor, independent of its transport: accepts, calls, cancels, subscribes and
 * ends. It outlives the actor's sleep, and for a while its own client, so that the next connection of that client can
 * continue it. Calls that are running when the connection is lost continue, so that the client finds their results
 * under their idempotency keys.
 */
export class Session implements CallOwner, ResumableSession {
  readonly #options: Omit<SessionOptions, "request" | "events">;
  readonly #directory: Directory;
  readonly #token: string;
  /** The client's name for this connection until it knows `#token`, which may be lost with its socket. */
  #formerToken: string | undefined;
  readonly #calls = new Map<number, SessionCall>();
  readonly #gone = new AbortController();
  /** Same as the state of its signal, but cheap to read for each event. */
  #ended = false;
  #log: EventLog;
  /**
   * Frames that wait for the actor: before it has accepted the connection, during `canSubscribe`, and while it is out
   * of memory.
   */
  #waiting: (() => void)[] | undefined;
  /** Number of those that were not sent as frames. */
  readonly #early: number;
  /** The event whose `canSubscribe` is running: later frames wait for it. */
  #asking: string | undefined;
  #accepted = false;
  #waking = false;
  /** True if the client is disconnected and its missed events are kept. */
  #isLost = false;
  #expiry: Timer | undefined;
  #actorId: string | undefined;
  #connId: string | undefined;
  #instance: ActorInstance | undefined;
  #connection: ActorConnection | undefined;
  /** The same for all instances of the actor. */
  #sink: ConnectionSink | undefined;

  constructor(options: SessionOptions) {
    // The request is needed only once, and a connection may last for days.
    const { request, events = [], ...rest } = options;
    this.#options = rest;
    this.#early = events.length;
    this.#waiting = events.map((event) => () => this.#subscribe(event));
    this.#directory = options.directory;
    this.#token = uuidv4(options.directory.ports.random);
    this.#log = new EventLog(options.directory.resumeLimits);
    void this.#accept(request);
  }

  /** Handles a frame from the client. */
  frame(frame: ClientFrame): void {
    if (this.#gone.signal.aborted || this.#isLost) return;
    if (frame.type === "ping") return this.#ping(frame.received);
    const isOfCall = frame.type === "cancel" || frame.type === "credit";
    if (this.#waiting === undefined || (isOfCall && this.#calls.has(frame.id))) return this.#handle(frame);
    const bound = this.#accepted ? maxWaiting : this.#early + serverLimits.maxFramesBeforeInit;
    if (this.#waiting.push(() => this.#handle(frame)) > bound) {
      const message = "The client sent too much before the actor could answer";
      this.fail(new HoldfastError("conn", "too_many_calls", message));
    } else if (this.#accepted && this.#asking === undefined) void this.#wake();
  }

  /** Called when the client will not return. */
  end(): void {
    if (this.#gone.signal.aborted) return;
    this.#ended = true;
    this.#gone.abort(new HoldfastError("conn", "closed", "The client has disconnected"));
    this.#expiry?.cancel();
    this.#directory.hibernating.unregister(this.#token);
    if (this.#formerToken !== undefined) this.#directory.hibernating.unregister(this.#formerToken);
    this.#abortStreams();
    if (this.#connection !== undefined) this.#connection.close();
    else if (this.#actorId !== undefined && this.#connId !== undefined) {
      this.#directory.hibernating.drop(this.#actorId, this.#connId);
    }
  }

  /** Called when the client was disconnected: it may return for missed events. */
  lose(): void {
    const { windowMs } = this.#directory.resumeLimits;
    if (!this.#accepted || windowMs === 0) return this.end();
    if (this.#gone.signal.aborted || this.#isLost) return;
    this.#isLost = true;
    this.#abortStreams();
    this.#connection?.lose();
    this.#expiry = this.#directory.ports.tasks.after(windowMs, () => this.end());
  }

  /** Sends the reason, then closes. */
  fail(error: unknown): void {
    if (this.#gone.signal.aborted) return;
    const visible = this.#visible(error);
    if (!this.#isLost) {
      this.#options.output.error(undefined, toWireError(visible));
      // 1012: the service restarts, and clients reconnect. 1008: a new connection would be refused again.
      this.#options.output.close(isRetryable(visible) ? 1012 : 1008, `${visible.group}.${visible.code}`);
    }
    this.end();
  }

  async #accept(request: Request | undefined): Promise<void> {
    const { target, params, auth, resume } = this.#options;
    const previous = resume === undefined ? undefined : this.#directory.hibernating.byToken(resume.token);
    // The server may not have noticed yet that the old socket is dead.
    previous?.replaced();
    // A connection that has ended again takes nothing over, so that the client may retry.
    const resumes = (): ActorConnection | undefined =>
      this.#gone.signal.aborted ? undefined : previous?.connectionFor(this.#actorId, resume);
    try {
      const connection = await this.#directory.connect(
        target,
        { params, auth, request, signal: this.#gone.signal, resumes },
        (instance) => this.#sinkFor(instance, previous),
      );
      if (this.#gone.signal.aborted) connection.close();
    } catch (error) {
      this.fail(error);
    }
  }

  // As the lost connection, for the one that continues it

  /** Called when the client has reconnected before its old socket was found dead. */
  replaced(): void {
    if (this.#isLost || this.#gone.signal.aborted || !this.#accepted) return;
    this.lose();
    this.#options.output.close(1001, "conn.replaced");
  }

  /** The actor's end of this connection, if the missed events are still kept. */
  connectionFor(actorId: string | undefined, point: ResumePoint | undefined): ActorConnection | undefined {
    if (actorId !== this.#actorId || point === undefined) return undefined;
    return this.#log.since(point.received) === undefined ? undefined : this.#connection;
  }

  /** Passes the missed events to the connection that continues this one, and ends. */
  handOver(
    received: number,
  ): { readonly log: EventLog; readonly missed: readonly OutgoingEvent[] } | undefined {
    const missed = this.#gone.signal.aborted ? undefined : this.#log.since(received);
    const log = this.#log;
    this.end();
    return missed === undefined ? undefined : { log, missed };
  }

  // The actor's side

  #sinkFor(instance: ActorInstance, previous: ResumableSession | undefined): ConnectionSink {
    // Set before the connection opens, when the actor reads which connection it continues.
    this.#actorId = instance.id;
    this.#sink = {
      open: (connection, resumed) => this.#opened(instance, connection, resumed, previous),
      send: (event) => this.#send(event),
      close: (code, reason) => {
        if (this.#gone.signal.aborted) return;
        if (!this.#isLost) this.#options.output.close(code, reason);
        this.end();
      },
      hibernate: (memory) => this.#asleep(memory),
      awake: (connection, next) => this.#awake(connection, next),
    };
    return this.#sink;
  }

  #opened(
    instance: ActorInstance,
    connection: ActorConnection,
    resumed: boolean,
    previous: ResumableSession | undefined,
  ): void {
    if (this.#gone.signal.aborted) return;
    const { output, resume } = this.#options;
    this.#instance = instance;
    this.#connection = connection;
    this.#connId = connection.id;
    this.#accepted = true;
    this.#directory.hibernating.register(this.#token, this);
    const isNext = resumed && previous !== undefined && resume !== undefined;
    const taken = isNext ? previous.handOver(resume.received) : undefined;
    // A client that starts again resumes nothing.
    if (taken === undefined) previous?.end();
    if (taken !== undefined) {
      this.#log = taken.log;
      this.#formerToken = resume?.token;
      if (resume !== undefined) this.#directory.hibernating.register(resume.token, this);
    }
    const received = resume !== undefined && taken !== undefined ? resume.received : 0;
    output.init(instance.id, connection.id, { token: this.#token, received, resumed: taken !== undefined });
    taken?.missed.forEach((event, index) => {
      output.event(event, received + 1 + index);
    });
    this.#flush();
  }

  #asleep(memory: ConnectionMemory): void {
    this.#instance = undefined;
    this.#connection = undefined;
    const sink = this.#sink;
    if (this.#gone.signal.aborted || sink === undefined) return;
    if (this.#actorId === undefined || this.#connId === undefined) return;
    this.#waiting ??= [];
    this.#waking = false;
    this.#directory.hibernating.hold(this.#actorId, this.#connId, {
      sink,
      memory,
      isLost: () => this.#isLost,
    });
    const unanswered = this.#asking;
    this.#asking = undefined;
    if (unanswered === undefined || this.#isLost) return;
    this.#waiting.unshift(() => this.#subscribe(unanswered));
    void this.#wake();
  }

  #awake(connection: ActorConnection, instance: ActorInstance): void {
    // The client may have left, or been disconnected, while the actor was loading.
    if (this.#gone.signal.aborted) return connection.close();
    this.#instance = instance;
    this.#connection = connection;
    this.#waking = false;
    if (!this.#isLost) return this.#flush();
    connection.lose();
    // The connection's state is lost. The client repeats over its next connection what has not run.
    this.#waiting = undefined;
  }

  #flush(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const run of waiting) this.#inOrder(run);
  }

  /** One of the waiting frames may make the others wait again. */
  #inOrder(run: () => void): void {
    if (this.#waiting === undefined) run();
    else this.#waiting.push(run);
  }

  async #wake(): Promise<void> {
    if (this.#waking || this.#actorId === undefined) return;
    this.#waking = true;
    try {
      await this.#directory.wake({ type: "id", name: this.#options.target.name, id: this.#actorId });
    } catch (error) {
      this.fail(error);
    }
  }

  #send(event: OutgoingEvent): void {
    if (this.#ended) return;
    const { output, maxOutgoingBytes } = this.#options;
    if (event.args.length > maxOutgoingBytes) {
      if (!this.#isLost) output.close(1011, "message.outgoing_too_long");
      return this.end();
    }
    this.#log.push(event);
    if (!this.#isLost) output.event(event, this.#log.count);
  }

  // The client's side

  #ping(received: number | undefined): void {
    if (received !== undefined) this.#log.acknowledge(received);
    this.#options.output.pong();
  }

  #handle(frame: ClientFrame): void {
    if (this.#gone.signal.aborted) return;
    switch (frame.type) {
      case "call":
        return this.#begin(frame, "action", frame.name, (instance, call) =>
          this.#runCall(frame, instance, call),
        );
      case "send":
        return this.#begin(frame, "send", frame.queue, (instance, call) =>
          this.#runSend(frame, instance, call),
        );
      case "cancel":
        return this.#cancel(frame);
      case "credit":
        return this.#calls.get(frame.id)?.more(frame.pieces);
      case "subscribe":
        return this.#subscribe(frame.event);
      case "unsubscribe":
        return this.#connection?.unsubscribe(frame.event);
      case "ping":
        return this.#ping(frame.received);
    }
  }

  #cancel({ id, idempotencyKey }: CancelFrame): void {
    const call = this.#calls.get(id);
    if (call !== undefined) call.abort.abort(cancelled());
    // It came over a connection that was cut off: what ran there runs on.
    else if (idempotencyKey !== undefined) this.#instance?.cancelCall(idempotencyKey);
  }

  #subscribe(event: string): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { subscriptions } = connection;
    // A client that reconnects repeats its subscriptions.
    if (subscriptions.size >= serverLimits.maxSubscriptions && !subscriptions.has(event)) {
      this.fail(tooManySubscriptions());
      return;
    }
    const answer = connection.subscribe(event);
    if (answer === false) this.#later(() => this.#subscribe(event));
    else if (answer !== true) void this.#awaitAnswer(connection, event, answer);
  }

  /** A subscription takes effect before the next frame of the client. */
  async #awaitAnswer(connection: ActorConnection, event: string, answer: Promise<void>): Promise<void> {
    this.#waiting ??= [];
    this.#asking = event;
    await answer;
    // The actor went to sleep first: its next instance decides.
    if (this.#connection !== connection) return;
    this.#asking = undefined;
    this.#flush();
  }

  /** Starts an operation with a response: an action, or a message for a queue. */
  #begin(frame: AnsweredFrame, kind: "action" | "send", name: string, run: Run): void {
    if (this.#calls.has(frame.id)) {
      this.fail(new HoldfastError("message", "malformed_frame", "Two running calls have the same number"));
      return;
    }
    if (this.#calls.size >= serverLimits.maxCallsPerConnection) {
      const message = `A connection has at most ${serverLimits.maxCallsPerConnection} running calls`;
      this.#answerError(frame.id, new HoldfastError("conn", "too_many_calls", message, { statusCode: 429 }));
      return;
    }
    const call = new SessionCall(this, frame.id);
    this.#calls.set(frame.id, call);
    let allowed: Promise<void> | void;
    try {
      checkIdempotencyKey(frame.idempotencyKey);
      allowed = this.#options.allowCall?.(kind, name);
    } catch (error) {
      this.#answerError(frame.id, error);
      return;
    }
    if (allowed === undefined) {
      this.#invoke(frame.id, call, run);
      return;
    }
    allowed.then(
      () => this.#invoke(frame.id, call, run),
      (error: unknown) => this.#answerError(frame.id, error),
    );
  }

  #runCall(frame: CallFrame, instance: ActorInstance, call: SessionCall): Promise<Uint8Array> {
    const { name, args, idempotencyKey } = frame;
    const { abort: signal } = call;
    return instance.invoke({ name, args, idempotencyKey, signal, conn: this.#connection, stream: call });
  }

  async #runSend(frame: SendFrame, instance: ActorInstance, call: SessionCall): Promise<Uint8Array> {
    const content = contentOf({ ...frame.content });
    const { queue: name, idempotencyKey } = frame;
    const { abort: signal } = call;
    return instance.send({ ...content, name, idempotencyKey, signal, conn: this.#connection });
  }

  #invoke(id: number, call: SessionCall, run: Run): void {
    if (this.#isLost) {
      this.#calls.delete(id);
      return;
    }
    const instance = this.#instance;
    if (instance === undefined) return this.#later(() => this.#invoke(id, call, run));
    run(instance, call).then(
      (value) => this.#answer(id, value),
      (error: unknown) => {
        // It reached the actor on its way to sleep, and has not run.
        if (!isErrorCode(error, "actor", "stopping") || call.isStream) return this.#answerError(id, error);
        return instance.stopped.then(() => {
          if (this.#instance === instance) this.#answerError(id, error);
          else this.#invoke(id, call, run);
        });
      },
    );
  }

  /** Repeated once the actor is in memory again. */
  #later(run: () => void): void {
    if (this.#gone.signal.aborted || this.#isLost) return;
    this.#waiting ??= [];
    this.#waiting.push(run);
    void this.#wake();
  }

  get maxOutgoingBytes(): number {
    return this.#options.maxOutgoingBytes;
  }

  beginStream(id: number): void {
    if (this.#isReached) this.#options.output.stream(id);
  }

  sendChunk(id: number, value: Uint8Array): void {
    if (this.#isReached) this.#options.output.chunk(id, value);
  }

  /** Another connection cannot continue a stream. */
  #abortStreams(): void {
    const error = new HoldfastError("conn", "closed", "The client has disconnected");
    for (const call of this.#calls.values()) if (call.isStream) call.abort.abort(error);
  }

  get #isReached(): boolean {
    return !this.#gone.signal.aborted && !this.#isLost;
  }

  #answer(id: number, value: Uint8Array): void {
    this.#calls.delete(id);
    if (!this.#isReached) return;
    if (value.length > this.#options.maxOutgoingBytes) {
      this.#answerError(id, outgoingTooLong(this.#options.maxOutgoingBytes));
      return;
    }
    this.#options.output.result(id, value);
  }

  #answerError(id: number, error: unknown): void {
    this.#calls.delete(id);
    if (this.#isReached) this.#options.output.error(id, toWireError(this.#visible(error)));
  }

  #visible(error: unknown): HoldfastError {
    return sanitizeError(error, uuidv4(this.#directory.ports.random), (id, full) =>
      this.#directory.report(id, full),
    );
  }
}

type CancelFrame = Extract<ClientFrame, { type: "cancel" }>;
type CallFrame = Extract<ClientFrame, { type: "call" }>;
type SendFrame = Extract<ClientFrame, { type: "send" }>;
type AnsweredFrame = CallFrame | SendFrame;
/** The result is CBOR. */
type Run = (instance: ActorInstance, call: SessionCall) => Promise<Uint8Array>;
