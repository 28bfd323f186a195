/** Live connections: calls, events, reconnect with resume, streams, presence. */
import { fromWireError, HoldfastError, isErrorCode, uuidv7, type WireError } from "@holdfast/core";
import type {
  ActorTarget,
  ClientDriver,
  ClientFrame,
  ClosedReason,
  DriverConnection,
  RequestFrame,
  ServerFrame,
} from "../driver.ts";
import { protocolVersion } from "../driver.ts";
import { normalizeActionOptions } from "../internal/action-options.ts";
import { backoffDelayMs } from "../internal/backoff.ts";
import { Listeners, type Report, reportToConsole } from "../internal/listeners.ts";
import type { ClientPorts } from "../internal/ports.ts";
import { clientLimits } from "../limits.ts";
import type { QueueSendOptions, QueueWaitOptions } from "../queue.ts";
import type { QueueSender } from "../queue-send.ts";
import { isRetryable, retryAfterMs } from "../retry.ts";
import type { ActionOptions, ConnStatus } from "../types.ts";
import {
  callCancelled,
  connectionLost,
  disposedError,
  isPlainDisconnect,
  openFailedError,
} from "./connection-errors.ts";
import { IncomingStream } from "./incoming-stream.ts";
import { type PendingCall, PendingCalls } from "./pending-calls.ts";
import { PresenceView, presenceEvent } from "./presence-view.ts";
import { sendOverConnection } from "./queue-send.ts";
import { ReconnectTimer } from "./reconnect-timer.ts";
import { Subscriptions } from "./subscriptions.ts";

export interface ConnectionOptions {
  /** Sends messages to the queues of the actor. */
  readonly sender: QueueSender;
  readonly driver: ClientDriver;
  readonly ports: ClientPorts;
  /** Resolves the target before each attempt. Creates the actor when the target carries input. */
  readonly target: (params: unknown) => Promise<ActorTarget>;
  readonly params: () => Promise<unknown> | unknown;
  readonly signal: AbortSignal | undefined;
  readonly onDispose: () => void;
  /** Clears the cached creation of the actor. True when resolving the target again may fix this error. */
  readonly invalidateTarget: (error: HoldfastError) => boolean;
}

/**
 * Live connection that survives the loss of its socket. Calls stay pending until they are answered: after a reconnect
 * they are sent again with the same idempotency keys, so that each runs once.
 */
export class Connection {
  connStatus: ConnStatus = "idle";
  actorId: string | undefined;
  connId: string | undefined;
  readonly ready: Promise<void>;

  readonly #options: ConnectionOptions;
  readonly #pending = new PendingCalls();
  readonly #subscriptions: Subscriptions;
  readonly #reconnectTimer: ReconnectTimer;
  readonly #report: Report = (error) => (this.#options.ports.reportError ?? reportToConsole)(error);
  readonly #errors = new Listeners<[HoldfastError]>(this.#report);
  readonly #opens = new Listeners<[]>(this.#report);
  readonly #closes = new Listeners<[]>(this.#report);
  readonly #statuses = new Listeners<[ConnStatus]>(this.#report);
  readonly #gaps = new Listeners<[]>(this.#report);
  readonly #presence: PresenceView;
  /** Resume token from the server, sent when the connection reconnects. */
  #token: string | undefined;
  #received = 0;
  #disposed = false;
  /** Transport of the current attempt; `undefined` between attempts. */
  #link: DriverConnection | undefined;
  #lastError: WireError | undefined;
  #settleReady: { resolve: () => void; reject: (error: unknown) => void };
  readonly #termination = new AbortController();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#subscriptions = new Subscriptions({
      isConnected: () => this.isConnected,
      canResume: () => this.#token !== undefined,
      transmit: (frame) => this.#transmit(frame),
      report: this.#report,
    });
    this.#reconnectTimer = new ReconnectTimer(options.ports, () => this.#open());
    this.#presence = new PresenceView((callback) => this.on(presenceEvent, callback), this.#report);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // A caller that never awaits `ready` must not get an unhandled rejection.
    promise.catch(() => undefined);
    this.ready = promise;
    this.#settleReady = { resolve, reject };
    options.signal?.addEventListener("abort", () => void this.dispose(), {
      once: true,
      signal: this.#termination.signal,
    });
    if (options.signal?.aborted === true) queueMicrotask(() => this.#fail(options.signal?.reason));
    else this.#open();
  }

  get isConnected(): boolean {
    return this.connStatus === "connected";
  }

  action(options: ActionOptions): Promise<unknown> {
    const { clock, random } = this.#options.ports;
    const createFrame = (id: number): RequestFrame => {
      const { name, args, idempotencyKey = uuidv7(clock, random) } = normalizeActionOptions(options);
      return { type: "call", id, name, args, idempotencyKey };
    };
    return this.#submit(createFrame, options?.signal ?? undefined);
  }

  /** Sends a message to a queue, in call order. Sends it again when the socket is lost before the reply. */
  send(queue: string, body: unknown, options?: QueueSendOptions | QueueWaitOptions): Promise<unknown> {
    const name = String(queue);
    if (this.#termination.signal.aborted) return Promise.reject(this.#terminationError());
    const { driver, ports, sender } = this.#options;
    if (driver.sendsOverConnections !== true) return sender.send(name, body, options);
    const submit = this.#submit.bind(this);
    const onClose = this.onClose.bind(this);
    return sendOverConnection({ ports, sender, submit, onClose }, name, body, options);
  }

  /** Sends a request frame now, or after each connect, until its reply arrives. */
  #submit(createFrame: (id: number) => RequestFrame, signal: AbortSignal | undefined): Promise<unknown> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (this.#termination.signal.aborted) return Promise.reject(this.#terminationError());
    let call: Pick<PendingCall, "frame" | "idempotencyKey" | "attempts" | "stream">;
    const id = this.#pending.newId();
    try {
      const request = createFrame(id);
      const frame = this.#options.driver.prepare(request);
      call = { frame, idempotencyKey: request.idempotencyKey, attempts: 1, stream: undefined };
      this.#pending.checkCapacity(call.frame.size);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      let removeAbortListener: (() => void) | undefined;
      if (signal !== undefined) {
        const abort = (): void => this.#cancel(id, signal.reason);
        signal.addEventListener("abort", abort, { once: true });
        removeAbortListener = () => signal.removeEventListener("abort", abort);
      }
      const isSent = this.connStatus === "connected";
      this.#pending.add(id, { ...call, resolve, reject, removeAbortListener, isSent });
      if (isSent) this.#link?.send(call.frame);
    });
  }

  on(name: string, callback: (...args: never[]) => void): () => void {
    // The server closes a connection that sends a name other than a string.
    return this.#subscriptions.add(String(name), callback as (...args: readonly unknown[]) => void);
  }

  once(event: string, callback: (...args: never[]) => void): () => void {
    const call = callback as (...args: readonly unknown[]) => void;
    const off = this.on(event, (...args: readonly unknown[]) => {
      off();
      call(...args);
    });
    return off;
  }

  onError(callback: (error: HoldfastError) => void): () => void {
    return this.#errors.add(callback);
  }

  /** On an open connection, the callback also runs once, in a microtask. */
  onOpen(callback: () => void): () => void {
    const off = this.#opens.add(callback);
    if (this.isConnected) queueMicrotask(() => this.#opens.notify(callback));
    return off;
  }

  onClose(callback: () => void): () => void {
    return this.#closes.add(callback);
  }

  onStatusChange(callback: (status: ConnStatus) => void): () => void {
    return this.#statuses.add(callback);
  }

  /** Calls back when events were lost: the connection was away too long, or read too slowly. */
  onGap(callback: () => void): () => void {
    return this.#gaps.add(callback);
  }

  /** Present connections by id. The first call subscribes, so that its map is empty. */
  presence(): ReadonlyMap<string, unknown> {
    return this.#presence.current();
  }

  onPresence(callback: (present: ReadonlyMap<string, unknown>) => void): () => void {
    return this.#presence.onChange(callback);
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    const link = this.#link;
    this.#link = undefined;
    const closed = link?.close();
    const wasOpen = this.isConnected;
    this.#terminate(disposedError());
    this.#setStatus("idle");
    if (wasOpen) this.#closes.emit();
    await closed;
  }

  /** `dispose` wins over an earlier failure. */
  #terminationError(): unknown {
    return this.#disposed ? disposedError() : this.#termination.signal.reason;
  }

  #open(): void {
    this.#setStatus("connecting");
    // A status listener may have disposed the connection.
    if (this.#termination.signal.aborted) return;
    void this.#connect().catch((error: unknown) => {
      if (this.#termination.signal.aborted) return;
      if (isErrorCode(error, "client", "get_params_failed")) this.#paramsFailed(error);
      else if (isRetryable(error)) this.#reconnect();
      else this.#fail(error);
    });
  }

  async #connect(): Promise<void> {
    const { driver, target, params } = this.#options;
    const connParams = await this.#params(params);
    const address = await target(connParams);
    if (this.#termination.signal.aborted) return;
    this.#lastError = undefined;
    const token = this.#token;
    const early = this.#subscriptions.beginHandshake();
    const link: DriverConnection = driver.connect(
      address,
      connParams,
      {
        frame: (frame) => {
          if (this.#link === link) this.#receive(frame);
        },
        received: () => this.#received,
        closed: (reason) => {
          if (this.#link === link) this.#closed(reason);
        },
      },
      token === undefined ? undefined : { token, received: this.#received },
      early,
    );
    this.#link = link;
  }

  async #params(params: () => unknown): Promise<unknown> {
    try {
      return await params();
    } catch (cause) {
      const error = cause instanceof Error ? cause.message : String(cause);
      const message = `Failed to resolve connection params: ${error}`;
      throw new HoldfastError("client", "get_params_failed", message, { metadata: { error }, cause });
    }
  }

  /** Rejects all pending calls with the error of `getParams`, which the next attempt calls again. */
  #paramsFailed(error: HoldfastError): void {
    for (const [id] of this.#pending.all()) this.#rejectCall(id, error);
    this.#reconnect();
    this.#errors.emit(error);
  }

  #receive(frame: ServerFrame): void {
    switch (frame.type) {
      case "init":
        return this.#initialise(frame);
      case "result":
        return this.#receiveResult(frame.id, frame.value);
      case "error":
        return this.#receiveError(frame.id, frame.error);
      case "event":
        this.#received++;
        return this.#subscriptions.deliver(frame.name, frame.args);
      case "gap":
        this.#received = frame.received;
        return this.#reportGap();
      case "stream":
        return this.#beginStream(frame.id);
      case "chunk":
        return this.#pending.get(frame.id)?.stream?.push(frame.value);
      case "pong":
        return;
    }
  }

  #initialise(frame: Extract<ServerFrame, { type: "init" }>): void {
    if (frame.version !== protocolVersion) {
      const link = this.#link;
      this.#link = undefined;
      void link?.close();
      const older = frame.version > protocolVersion ? "client" : "server";
      const message = `Protocol ${frame.version} of the server, ${protocolVersion} of this client: update the ${older}`;
      this.#fail(new HoldfastError("client", "unsupported_protocol", message));
      return;
    }
    this.#reconnectTimer.reset();
    this.actorId = frame.actorId;
    this.connId = frame.connId;
    const isReconnect = this.#token !== undefined;
    const { resume } = frame;
    this.#token = resume?.token;
    this.#received = resume?.received ?? 0;
    this.#subscriptions.completeHandshake();
    // The lost socket may have dropped the calls and their cancellations.
    for (const [id, idempotencyKey] of this.#pending.takeCancelled()) {
      this.#transmit({ type: "cancel", id, idempotencyKey });
    }
    for (const [, call] of this.#pending.all()) {
      call.isSent = true;
      this.#link?.send(call.frame);
    }
    this.#settleReady.resolve();
    this.#setStatus("connected");
    this.#opens.emit();
    if (isReconnect && resume?.resumed !== true && !this.#subscriptions.isEmpty) this.#reportGap();
  }

  #reportGap(): void {
    // The server answers a new presence subscription with the complete list.
    if (this.#subscriptions.has(presenceEvent)) this.#transmit({ type: "subscribe", event: presenceEvent });
    this.#gaps.emit();
  }

  #receiveResult(id: number, value: unknown): void {
    const call = this.#pending.settle(id);
    if (call?.stream === undefined) call?.resolve(value);
    else call.stream.end(undefined);
  }

  #beginStream(id: number): void {
    const call = this.#pending.get(id);
    if (call === undefined || call.stream !== undefined) return;
    call.stream = new IncomingStream({
      onConsumed: (pieces) => {
        if (this.#pending.get(id) !== undefined) this.#send({ type: "credit", id, pieces });
      },
      onCancelled: (reason) => this.#cancel(id, reason),
    });
    call.resolve(call.stream.readable);
  }

  #receiveError(id: number | undefined, wire: WireError): void {
    const error = fromWireError(wire);
    if (id === undefined) {
      // The close that follows reports it, once.
      this.#lastError = wire;
      return;
    }
    const call = this.#pending.get(id);
    // The actor was about to sleep or move; the idempotency key makes sending again harmless.
    const shouldRetry =
      call !== undefined &&
      call.stream === undefined &&
      isRetryable(error) &&
      call.attempts < clientLimits.maxCallAttempts;
    if (shouldRetry) this.#retryCall(id, call, retryAfterMs(error));
    else this.#rejectCall(id, error);
  }

  #rejectCall(id: number, error: HoldfastError): void {
    const call = this.#pending.settle(id);
    call?.stream?.end(error);
    call?.reject(error);
  }

  #retryCall(id: number, call: PendingCall, pauseMs: number): void {
    const { ports } = this.#options;
    const options = { minMs: clientLimits.retryMinMs, maxMs: clientLimits.retryMaxMs };
    const link = this.#link;
    // The server forgot this call when it refused it.
    call.isSent = false;
    ports.tasks.after(pauseMs + backoffDelayMs(call.attempts++, options, ports), () => {
      // A reconnect has sent it already, or it was settled.
      if (this.#link !== link || this.#pending.get(id) !== call) return;
      call.isSent = true;
      link?.send(call.frame);
    });
  }

  #cancel(id: number, reason: unknown): void {
    const call = this.#pending.cancel(id);
    if (call === undefined) return;
    this.#send({ type: "cancel", id });
    call.stream?.end(callCancelled(reason));
    call.reject(reason);
  }

  #send(frame: ClientFrame): void {
    if (this.connStatus === "connected") this.#transmit(frame);
  }

  #transmit(frame: ClientFrame): void {
    this.#link?.send(this.#options.driver.prepare(frame));
  }

  #closed(reason: ClosedReason): void {
    this.#link = undefined;
    for (const [id, call] of this.#pending.all()) {
      if (call.stream !== undefined) this.#rejectCall(id, connectionLost());
    }
    const wasOpen = this.connStatus === "connected";
    const error = fromWireError(this.#lastError ?? reason.error);
    const mayReconnect = wasOpen && reason.byActor === true;
    const isFatal = reason.final && !mayReconnect && !isRetryable(error);
    if (isFatal && !this.#options.invalidateTarget(error))
      return wasOpen ? this.#fail(error) : this.#rejectOpen(error);
    this.#reconnect();
    if (wasOpen) this.#closes.emit();
    // An explicit reason, such as `conn.disconnect("user.kicked")` or an event over the size limit.
    const isReportable = error.group !== "client" && !isPlainDisconnect(error) && !isRetryable(error);
    if (wasOpen && isReportable) this.#errors.emit(error);
  }

  #reconnect(): void {
    if (this.#termination.signal.aborted) return;
    this.#setStatus("disconnected");
    if (this.#termination.signal.aborted) return;
    this.#reconnectTimer.start();
  }

  /** The actor refused the connection. The two kinds of refusal differ in the order of their statuses. */
  #rejectOpen(error: HoldfastError): void {
    if (isPlainDisconnect(error)) this.#fail(openFailedError(error), ["disconnected", "idle"]);
    else this.#fail(error, ["idle", "disconnected"]);
  }

  /** Ends the connection because of an error that a new attempt would not fix. */
  #fail(cause: unknown, statuses: readonly ConnStatus[] = ["disconnected"]): void {
    const error =
      cause instanceof HoldfastError
        ? cause
        : new HoldfastError("client", "connect_failed", "The connection could not be opened", { cause });
    const wasOpen = this.connStatus === "connected";
    this.#terminate(error);
    for (const status of statuses) if (!this.#disposed) this.#setStatus(status);
    if (wasOpen) this.#closes.emit();
    this.#errors.emit(error);
  }

  #terminate(error: HoldfastError): void {
    if (this.#termination.signal.aborted) return;
    this.#termination.abort(error);
    this.#reconnectTimer.cancel();
    this.#settleReady.reject(error);
    for (const [id] of this.#pending.all()) this.#rejectCall(id, error);
    this.#options.onDispose();
  }

  #setStatus(status: ConnStatus): void {
    if (this.connStatus === status) return;
    this.connStatus = status;
    this.#statuses.emit(status);
  }
}
