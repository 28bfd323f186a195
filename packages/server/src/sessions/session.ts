/** One client connection, independent of its transport: calls, events, resume. */
import type {
  ActorConnection,
  ActorInstance,
  ConnectionMemory,
  ConnectionSink,
  OutgoingEvent,
} from "@holdfast/actors";
import { type ClientFrame, isRetryable, type ResumePoint } from "@holdfast/client";
import { HoldfastError, sanitizeError, type Timer, toWireError, uuidv4 } from "@holdfast/core";
import { moved } from "../cluster/placement.ts";
import type { Directory } from "../directory/directory.ts";
import type {
  HibernatingConnection,
  MissedEvents,
  ResumableSession,
} from "../directory/hibernating-connections.ts";
import { serverLimits } from "../limits.ts";
import { EventLog } from "./event-log.ts";
import { FrameQueue } from "./frame-queue.ts";
import { type CallHost, SessionCalls } from "./session-calls.ts";
import { tooManySubscriptions } from "./session-errors.ts";
import type { KeptSession, SessionOptions } from "./types.ts";

/** Allows for running calls, and for subscriptions that a client repeats when it reconnects. */
const maxWaitingFrames = serverLimits.maxCallsPerConnection + serverLimits.maxSubscriptions;

/**
 * Connection between a client and an actor. It outlives the actor's sleep and, for the resume window, its own client,
 * so that the client's next connection can continue it.
 */
export class Session implements CallHost, ResumableSession {
  readonly #options: Omit<SessionOptions, "request" | "events" | "kept">;
  readonly #directory: Directory;
  readonly attempt: number;
  readonly #token: string;
  /** The client's name for this connection until it knows `#token`, which may be lost with its socket. */
  #formerToken: string | undefined;
  readonly #calls: SessionCalls;
  readonly #frames: FrameQueue;
  /** Number of subscriptions that came with the handshake and not as frames. */
  readonly #earlySubscriptions: number;
  readonly #disposal = new AbortController();
  /** Same as the state of its signal, but cheap to read for each event. */
  #isEnded = false;
  #log: EventLog;
  /** The event whose `canSubscribe` is running: later frames wait for it. */
  #pendingSubscription: string | undefined;
  #isAccepted = false;
  #isWaking = false;
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
    const { request, events = [], kept, ...rest } = options;
    this.#options = rest;
    this.#calls = new SessionCalls(this, rest);
    this.#earlySubscriptions = events.length;
    this.#frames = new FrameQueue(events.map((event) => () => this.#subscribe(event)));
    this.#directory = options.directory;
    this.attempt = options.directory.hibernating.nextAttempt();
    this.#token = kept?.token ?? uuidv4(options.directory.ports.random);
    this.#log = new EventLog(options.directory.resumeLimits, kept && { first: firstAfter(kept), events: [] });
    if (kept === undefined) void this.#accept(request);
    else this.#continue(kept);
  }

  /** Handles a frame from the client. */
  frame(frame: ClientFrame): void {
    if (!this.isReachable) return;
    if (frame.type === "ping") return this.#ping(frame.received);
    const isForCall = frame.type === "cancel" || frame.type === "credit";
    if (this.#frames.isOpen || (isForCall && this.#calls.has(frame.id))) return this.#handle(frame);
    const max = this.#isAccepted
      ? maxWaitingFrames
      : this.#earlySubscriptions + serverLimits.maxFramesBeforeInit;
    if (this.#frames.push(() => this.#handle(frame)) > max) {
      const message = "The client sent too much before the actor could answer";
      this.fail(new HoldfastError("conn", "too_many_calls", message));
    } else if (this.#isAccepted && this.#pendingSubscription === undefined) void this.#wake();
  }

  /** Called when the client will not return. */
  end(): void {
    if (this.#disposal.signal.aborted) return;
    this.#isEnded = true;
    this.#disposal.abort(new HoldfastError("conn", "closed", "The client has disconnected"));
    this.#expiry?.cancel();
    for (const token of this.#tokens) this.#directory.hibernating.unregister(token);
    this.#calls.abortStreams();
    if (this.#connection !== undefined) this.#connection.close();
    else if (this.#actorId !== undefined && this.#connId !== undefined) {
      this.#directory.hibernating.drop(this.#actorId, this.#connId);
    }
  }

  /** Called when the client was disconnected: it may return for missed events. */
  lose(): void {
    const { windowMs } = this.#directory.resumeLimits;
    if (!this.#isAccepted || windowMs === 0) return this.end();
    if (!this.isReachable) return;
    this.#isLost = true;
    this.#calls.abortStreams();
    this.#connection?.lose();
    this.#expiry = this.#directory.ports.tasks.after(windowMs, () => this.end());
  }

  /** Sends the reason, then closes. */
  fail(error: unknown): void {
    if (this.#disposal.signal.aborted) return;
    const visible = this.toVisibleError(error);
    if (!this.#isLost) {
      this.#options.output.error(undefined, toWireError(visible));
      // 1012: the service restarts, and clients reconnect. 1008: a new connection would be refused again.
      this.#options.output.close(isRetryable(visible) ? 1012 : 1008, `${visible.group}.${visible.code}`);
    }
    this.end();
  }

  async #accept(request: Request | undefined): Promise<void> {
    const { target, params, auth, resume } = this.#options;
    // The server may not have detected yet that the old socket is dead.
    this.#previous()?.replaced();
    // A connection that has already ended takes nothing over, so that the client can retry.
    const resumes = (): ActorConnection | undefined => {
      if (this.#disposal.signal.aborted) return undefined;
      const previous = this.#previous();
      // An earlier attempt may have been accepted since, after the client had given it up.
      previous?.replaced();
      return previous?.connectionFor(this.#actorId, resume);
    };
    try {
      const connection = await this.#directory.connect(
        target,
        { params, auth, request, signal: this.#disposal.signal, resumes },
        (instance) => this.#sinkFor(instance),
      );
      if (this.#disposal.signal.aborted) connection.close();
    } catch (error) {
      this.fail(error);
    }
  }

  /** The actor sleeps, and adopts the connection when it wakes. */
  #continue({ actorId, connId, memory }: KeptSession): void {
    this.#isAccepted = true;
    this.#actorId = actorId;
    this.#connId = connId;
    this.#sink = this.#newSink();
    this.#directory.hibernating.register(this.#token, this);
    this.#directory.hibernating.adopt(actorId, connId, this.#held(this.#sink, memory));
  }

  /** The lost connection of the same client. It may have come with its actor, when that has woken here. */
  #previous(): ResumableSession | undefined {
    const { resume } = this.#options;
    const previous = resume && this.#directory.hibernating.byToken(resume.token);
    // A client that was cut off twice has two attempts under way, which may be accepted in any order.
    return previous !== undefined && previous.attempt < this.attempt ? previous : undefined;
  }

  /** The client's names for this connection. */
  get #tokens(): readonly string[] {
    return this.#formerToken === undefined ? [this.#token] : [this.#token, this.#formerToken];
  }

  // ResumableSession: called by the connection that continues this one

  /** Called when the client has reconnected before its old socket was found dead. */
  replaced(): void {
    if (!this.isReachable || !this.#isAccepted) return;
    this.lose();
    this.#options.output.close(1001, "conn.replaced");
  }

  /** The actor's end of this connection, if the missed events are still kept. */
  connectionFor(actorId: string | undefined, point: ResumePoint | undefined): ActorConnection | undefined {
    if (actorId !== this.#actorId || point === undefined) return undefined;
    return this.#log.since(point.received) === undefined ? undefined : this.#connection;
  }

  /** Passes the missed events to the connection that continues this one, and ends. */
  handOver(received: number): MissedEvents | undefined {
    const missed = this.#disposal.signal.aborted ? undefined : this.#log.since(received);
    const log = this.#log;
    this.end();
    return missed === undefined ? undefined : { log, missed };
  }

  // ConnectionSink: called by the actor

  #sinkFor(instance: ActorInstance): ConnectionSink {
    // Set before the connection opens, when the actor reads which connection it continues.
    this.#actorId = instance.id;
    this.#sink = this.#newSink(instance);
    return this.#sink;
  }

  /** With the instance that accepts the connection, unless it has been accepted. */
  #newSink(accepting?: ActorInstance): ConnectionSink {
    return {
      open: (connection, resumed) => {
        if (accepting !== undefined) this.#opened(accepting, connection, resumed);
      },
      send: (event) => this.#sendEvent(event),
      close: (code, reason) => {
        if (this.#disposal.signal.aborted) return;
        if (!this.#isLost) this.#options.output.close(code, reason);
        this.end();
      },
      hibernate: (memory) => this.#actorSlept(memory),
      awake: (connection, next) => this.#actorWoke(connection, next),
    };
  }

  #held(sink: ConnectionSink, memory: Partial<ConnectionMemory>): HibernatingConnection {
    return {
      sink,
      memory,
      isLost: () => this.#isLost,
      resumable: () => ({ tokens: this.#tokens, kept: this.#log.kept() }),
      moved: () => this.fail(moved(this.#options.target.name)),
    };
  }

  #opened(instance: ActorInstance, connection: ActorConnection, resumed: boolean): void {
    if (this.#disposal.signal.aborted) return;
    const { output, resume } = this.#options;
    const previous = this.#previous();
    this.#instance = instance;
    this.#connection = connection;
    this.#connId = connection.id;
    this.#isAccepted = true;
    this.#directory.hibernating.register(this.#token, this);
    const continues = resumed && previous !== undefined && resume !== undefined;
    const predecessor = continues ? previous.handOver(resume.received) : undefined;
    // A client that starts over resumes nothing.
    if (predecessor === undefined) previous?.end();
    if (predecessor !== undefined) {
      this.#log = predecessor.log;
      this.#formerToken = resume?.token;
      if (resume !== undefined) this.#directory.hibernating.register(resume.token, this);
    }
    const received = resume !== undefined && predecessor !== undefined ? resume.received : 0;
    output.init(instance.id, connection.id, {
      token: this.#token,
      received,
      resumed: predecessor !== undefined,
    });
    predecessor?.missed.forEach((event, index) => {
      output.event(event, received + 1 + index);
    });
    this.#frames.flush();
  }

  #actorSlept(memory: ConnectionMemory): void {
    this.#instance = undefined;
    this.#connection = undefined;
    const sink = this.#sink;
    if (this.#disposal.signal.aborted || sink === undefined) return;
    if (this.#actorId === undefined || this.#connId === undefined) return;
    this.#frames.close();
    this.#isWaking = false;
    this.#directory.hibernating.hold(this.#actorId, this.#connId, this.#held(sink, memory));
    this.#options.output.slept?.(memory, this.#log.count);
    const unanswered = this.#pendingSubscription;
    this.#pendingSubscription = undefined;
    if (unanswered === undefined || this.#isLost) return;
    this.#frames.unshift(() => this.#subscribe(unanswered));
    void this.#wake();
  }

  #actorWoke(connection: ActorConnection, instance: ActorInstance): void {
    // The client may have left, or been disconnected, while the actor was loading.
    if (this.#disposal.signal.aborted) return connection.close();
    this.#instance = instance;
    this.#connection = connection;
    this.#isWaking = false;
    this.#options.output.woke?.();
    if (!this.#isLost) return this.#frames.flush();
    connection.lose();
    // The client repeats over its next connection the frames that did not run.
    this.#frames.clear();
  }

  async #wake(): Promise<void> {
    if (this.#isWaking || this.#actorId === undefined) return;
    this.#isWaking = true;
    try {
      await this.#directory.wake({ type: "id", name: this.#options.target.name, id: this.#actorId });
    } catch (error) {
      this.fail(error);
    }
  }

  #sendEvent(event: OutgoingEvent): void {
    if (this.#isEnded) return;
    const { output, maxOutgoingBytes } = this.#options;
    if (event.args.length > maxOutgoingBytes) {
      if (!this.#isLost) output.close(1011, "message.outgoing_too_long");
      return this.end();
    }
    this.#log.push(event);
    if (!this.#isLost) output.event(event, this.#log.count);
  }

  // Frames of the client

  #ping(received: number | undefined): void {
    if (received !== undefined) this.#log.acknowledge(received);
    this.#options.output.pong();
  }

  #handle(frame: ClientFrame): void {
    if (this.#disposal.signal.aborted) return;
    switch (frame.type) {
      case "call":
        return this.#calls.call(frame);
      case "send":
        return this.#calls.send(frame);
      case "cancel":
        return this.#calls.cancel(frame);
      case "credit":
        return this.#calls.addCredit(frame.id, frame.pieces);
      case "subscribe":
        return this.#subscribe(frame.event);
      case "unsubscribe":
        return this.#connection?.unsubscribe(frame.event);
      case "ping":
        return this.#ping(frame.received);
    }
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
    const result = connection.subscribe(event);
    if (result === false) this.runWhenAwake(() => this.#subscribe(event));
    else if (result !== true) void this.#awaitSubscription(connection, event, result);
  }

  /** A subscription takes effect before the next frame of the client. */
  async #awaitSubscription(connection: ActorConnection, event: string, result: Promise<void>): Promise<void> {
    this.#frames.close();
    this.#pendingSubscription = event;
    await result;
    // The actor went to sleep first: its next instance decides.
    if (this.#connection !== connection) return;
    this.#pendingSubscription = undefined;
    this.#frames.flush();
  }

  // CallHost: used by the calls of this connection

  get instance(): ActorInstance | undefined {
    return this.#instance;
  }

  get connection(): ActorConnection | undefined {
    return this.#connection;
  }

  /** False when another node may serve the actor by now. */
  get mayAnswer(): boolean {
    return this.#instance === undefined || this.#directory.mayAnswer(this.#instance);
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get isReachable(): boolean {
    return !this.#disposal.signal.aborted && !this.#isLost;
  }

  runWhenAwake(run: () => void): void {
    if (!this.isReachable) return;
    this.#frames.push(run);
    void this.#wake();
  }

  toVisibleError(error: unknown): HoldfastError {
    return sanitizeError(error, uuidv4(this.#directory.ports.random), (id, full) =>
      this.#directory.report(id, full),
    );
  }
}

/** Beyond every number that a client can ask for, if the count is unknown. */
function firstAfter({ count }: KeptSession): number {
  return count === undefined ? 2 ** 52 : count + 1;
}
