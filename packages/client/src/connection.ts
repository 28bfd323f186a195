import { fromWireError, HoldfastError, isErrorCode, uuidv7, type WireError } from "@holdfast/core";
import type {
  ActorTarget,
  AnsweredFrame,
  ClientDriver,
  ClosedReason,
  DriverConnection,
  ServerFrame,
} from "./driver.ts";
import { protocolVersion } from "./driver.ts";
import { readActionOptions } from "./internal/action-options.ts";
import { backoffDelayMs } from "./internal/backoff.ts";
import { sendOverConnection } from "./internal/connection-send.ts";
import { IncomingStream } from "./internal/incoming-stream.ts";
import { callUserCode, Listeners, type Report, reportToConsole } from "./internal/listeners.ts";
import { type PendingCall, PendingCalls } from "./internal/pending-calls.ts";
import type { ClientPorts } from "./internal/ports.ts";
import { PresenceView, presenceEvent } from "./internal/presence-view.ts";
import {
  callCancelled,
  connectionLost,
  disposedError,
  isPlainDisconnect,
  refusalOf,
} from "./internal/refusal.ts";
import { clientLimits } from "./limits.ts";
import { earlyEvents } from "./network/early-events.ts";
import type { QueueSendOptions, QueueWaitOptions } from "./queue.ts";
import type { QueueSender } from "./queue-send.ts";
import { isRetryable } from "./retry.ts";
import type { ActionOptions, ConnStatus } from "./types.ts";

export interface ConnectionOptions {
  /** Sends to the queues of the actor. */
  readonly sender: QueueSender;
  readonly driver: ClientDriver;
  readonly ports: ClientPorts;
  /** Asked before each attempt, with its parameters: makes the actor when its target carries input. */
  readonly target: (params: unknown) => Promise<ActorTarget>;
  readonly params: () => Promise<unknown> | unknown;
  readonly signal: AbortSignal | undefined;
  readonly onDispose: () => void;
  /** True when what the error says can be mended by asking for the target again. */
  readonly onFatal: (error: HoldfastError) => boolean;
}

/**
 * A live connection that survives its sockets. Calls stay pending until their answer is here: after
 * a reconnect they are sent again with the same idempotency keys, so that they run once.
 */
export class Connection {
  connStatus: ConnStatus = "idle";
  actorId: string | undefined;
  connId: string | undefined;
  readonly ready: Promise<void>;

  readonly #options: ConnectionOptions;
  readonly #pending = new PendingCalls();
  readonly #events = new Map<string, Set<(...args: readonly unknown[]) => void>>();
  readonly #report: Report = (error) => (this.#options.ports.reportError ?? reportToConsole)(error);
  readonly #errors = new Listeners<[HoldfastError]>(this.#report);
  readonly #opens = new Listeners<[]>(this.#report);
  readonly #closes = new Listeners<[]>(this.#report);
  readonly #statuses = new Listeners<[ConnStatus]>(this.#report);
  readonly #gaps = new Listeners<[]>(this.#report);
  readonly #presence: PresenceView;
  /** What the server calls this connection, to go on after it was cut off. */
  #token: string | undefined;
  #received = 0;
  /** What the open attempt asks for with its handshake. */
  #early: ReadonlySet<string> = new Set();
  /** Events that were given up while the connection was away; the server may still send them. */
  readonly #givenUp = new Set<string>();
  #attempt = 0;
  #disposed = false;
  /** The open attempt; `undefined` between attempts. */
  #link: DriverConnection | undefined;
  #lastError: WireError | undefined;
  /** Ends the wait before the next attempt, where there is one. */
  #endWait: (() => void) | undefined;
  #settleReady: { resolve: () => void; reject: (error: unknown) => void };
  readonly #ended = new AbortController();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#presence = new PresenceView((callback) => this.on(presenceEvent, callback), this.#report);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // A connection that nobody awaits must not raise an unhandled rejection.
    promise.catch(() => undefined);
    this.ready = promise;
    this.#settleReady = { resolve, reject };
    options.signal?.addEventListener("abort", () => void this.dispose(), {
      once: true,
      signal: this.#ended.signal,
    });
    if (options.signal?.aborted === true) queueMicrotask(() => this.#fail(options.signal?.reason));
    else this.#open();
  }

  get isConnected(): boolean {
    return this.connStatus === "connected";
  }

  action(options: ActionOptions): Promise<unknown> {
    const { clock, random } = this.#options.ports;
    const frameOf = (id: number): AnsweredFrame => {
      const { name, args, idempotencyKey = uuidv7(clock, random) } = readActionOptions(options);
      return { type: "call", id, name, args, idempotencyKey };
    };
    return this.#submit(frameOf, options?.signal ?? undefined);
  }

  /** Sends to a queue, in the order of the calls; again over the next socket if this one is lost. */
  send(queue: string, body: unknown, options?: QueueSendOptions | QueueWaitOptions): Promise<unknown> {
    const name = String(queue);
    if (this.#ended.signal.aborted) return Promise.reject(this.#endReason());
    const { driver, ports, sender } = this.#options;
    if (driver.sendsOverConnections !== true) return sender.send(name, body, options);
    const submit = this.#submit.bind(this);
    const onClose = this.onClose.bind(this);
    return sendOverConnection({ ports, sender, submit, onClose }, name, body, options);
  }

  /** Sends a frame that has an answer, now or as soon as there is a socket, until it has come. */
  #submit(frameOf: (id: number) => AnsweredFrame, signal: AbortSignal | undefined): Promise<unknown> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (this.#ended.signal.aborted) return Promise.reject(this.#endReason());
    let call: Pick<PendingCall, "frame" | "idempotencyKey" | "attempts" | "stream">;
    const id = this.#pending.newId();
    try {
      const asked = frameOf(id);
      const frame = this.#options.driver.prepare(asked);
      call = { frame, idempotencyKey: asked.idempotencyKey, attempts: 1, stream: undefined };
      this.#pending.checkRoom(call.frame.size);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      let stopListening: (() => void) | undefined;
      if (signal !== undefined) {
        const abort = (): void => this.#cancel(id, signal.reason);
        signal.addEventListener("abort", abort, { once: true });
        stopListening = () => signal.removeEventListener("abort", abort);
      }
      const isSent = this.connStatus === "connected";
      this.#pending.add(id, { ...call, resolve, reject, stopListening, isSent });
      if (isSent) this.#link?.send(call.frame);
    });
  }

  on(name: string, callback: (...args: never[]) => void): () => void {
    // A frame whose name is no text would end the connection.
    const event = String(name);
    const call = callback as (...args: readonly unknown[]) => void;
    let callbacks = this.#events.get(event);
    if (callbacks === undefined) {
      callbacks = new Set();
      this.#events.set(event, callbacks);
      this.#givenUp.delete(event);
      this.#send({ type: "subscribe", event });
    }
    // A function of its own, so that one callback that is added twice is called twice.
    const entry = (...args: readonly unknown[]): void => call(...args);
    callbacks.add(entry);
    return () => {
      const current = this.#events.get(event);
      if (current?.delete(entry) !== true || current.size > 0) return;
      this.#events.delete(event);
      if (this.connStatus === "connected") this.#transmit({ type: "unsubscribe", event });
      else if (this.#token !== undefined || this.#early.has(event)) this.#givenUp.add(event);
    };
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

  /** Who comes when it is open hears of that too, once the code that asks has gone on. */
  onOpen(callback: () => void): () => void {
    const off = this.#opens.add(callback);
    if (this.isConnected) queueMicrotask(() => this.#opens.tell(callback));
    return off;
  }

  onClose(callback: () => void): () => void {
    return this.#closes.add(callback);
  }

  onStatusChange(callback: (status: ConnStatus) => void): () => void {
    return this.#statuses.add(callback);
  }

  /** Events were missed for good: the connection was away for too long, or read too slowly. */
  onGap(callback: () => void): () => void {
    return this.#gaps.add(callback);
  }

  /** Who is here, by connection id, as told so far; it is being told of from the first use on. */
  presence(): ReadonlyMap<string, unknown> {
    return this.#presence.now();
  }

  onPresence(callback: (present: ReadonlyMap<string, unknown>) => void): () => void {
    return this.#presence.listen(callback);
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    const link = this.#link;
    this.#link = undefined;
    const closed = link?.close();
    const wasOpen = this.isConnected;
    this.#end(disposedError());
    this.#setStatus("idle");
    if (wasOpen) this.#closes.emit();
    await closed;
  }

  /** A connection that had failed before it was disposed of is a disposed one. */
  #endReason(): unknown {
    return this.#disposed ? disposedError() : this.#ended.signal.reason;
  }

  #open(): void {
    this.#setStatus("connecting");
    // Who hears of a status may dispose of the connection: then nothing more is asked for it.
    if (this.#ended.signal.aborted) return;
    void this.#connect().catch((error: unknown) => {
      if (this.#ended.signal.aborted) return;
      if (isErrorCode(error, "client", "get_params_failed")) this.#askAgain(error);
      else if (isRetryable(error)) this.#reconnect();
      else this.#fail(error);
    });
  }

  async #connect(): Promise<void> {
    const { driver, target, params } = this.#options;
    const connParams = await this.#params(params);
    const where = await target(connParams);
    if (this.#ended.signal.aborted) return;
    this.#lastError = undefined;
    const token = this.#token;
    const early = earlyEvents(this.#events.keys());
    this.#early = new Set(early);
    const link: DriverConnection = driver.connect(
      where,
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

  /** What `getParams` threw is told to everybody who waits, and it is asked again for the next attempt. */
  #askAgain(error: HoldfastError): void {
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
        return this.#deliver(frame.name, frame.args);
      case "gap":
        this.#received = frame.received;
        return this.#missed();
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
      const message = `The server speaks version ${frame.version}; this client speaks ${protocolVersion}`;
      this.#fail(new HoldfastError("client", "unsupported_protocol", message));
      return;
    }
    this.#attempt = 0;
    this.actorId = frame.actorId;
    this.connId = frame.connId;
    const wasCutOff = this.#token !== undefined;
    const { resume } = frame;
    this.#token = resume?.token;
    this.#received = resume?.received ?? 0;
    for (const event of this.#events.keys()) {
      if (!this.#early.has(event)) this.#transmit({ type: "subscribe", event });
    }
    for (const event of this.#givenUp) this.#transmit({ type: "unsubscribe", event });
    this.#givenUp.clear();
    // Over the socket that was lost they may not have arrived, nor what was sent to cancel them.
    for (const [id, idempotencyKey] of this.#pending.takeGivenUp()) {
      this.#transmit({ type: "cancel", id, idempotencyKey });
    }
    for (const [, call] of this.#pending.all()) {
      call.isSent = true;
      this.#link?.send(call.frame);
    }
    this.#settleReady.resolve();
    this.#setStatus("connected");
    this.#opens.emit();
    if (wasCutOff && resume?.resumed !== true && this.#events.size > 0) this.#missed();
  }

  #missed(): void {
    // A fresh subscription to presence is answered with all who are here.
    if (this.#events.has(presenceEvent)) this.#transmit({ type: "subscribe", event: presenceEvent });
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
      taken: (pieces) => {
        if (this.#pending.get(id) !== undefined) this.#send({ type: "credit", id, pieces });
      },
      cancelled: (reason) => this.#cancel(id, reason),
    });
    call.resolve(call.stream.readable);
  }

  #receiveError(id: number | undefined, wire: WireError): void {
    const error = fromWireError(wire);
    if (id === undefined) {
      // The close that follows tells it, once.
      this.#lastError = wire;
      return;
    }
    const call = this.#pending.get(id);
    // The actor was just going to sleep or moving; its key makes a second arrival harmless.
    const again =
      call !== undefined &&
      call.stream === undefined &&
      isRetryable(error) &&
      call.attempts < clientLimits.maxCallAttempts;
    if (again) this.#retryCall(id, call);
    else this.#rejectCall(id, error);
  }

  #rejectCall(id: number, error: HoldfastError): void {
    const call = this.#pending.settle(id);
    call?.stream?.end(error);
    call?.reject(error);
  }

  #retryCall(id: number, call: PendingCall): void {
    const { ports } = this.#options;
    const options = { minMs: clientLimits.retryMinMs, maxMs: clientLimits.retryMaxMs };
    const link = this.#link;
    // Until it is sent again, the server knows nothing of it.
    call.isSent = false;
    ports.tasks.after(backoffDelayMs(call.attempts++, options, ports), () => {
      // A reconnect in the meantime has sent it already.
      if (this.#link !== link || this.#pending.get(id) !== call) return;
      call.isSent = true;
      link?.send(call.frame);
    });
  }

  #cancel(id: number, reason: unknown): void {
    const call = this.#pending.giveUp(id);
    if (call === undefined) return;
    this.#send({ type: "cancel", id });
    call.stream?.end(callCancelled(reason));
    call.reject(reason);
  }

  #deliver(name: string, args: readonly unknown[]): void {
    for (const callback of [...(this.#events.get(name) ?? [])]) callUserCode(callback, args, this.#report);
  }

  #send(frame: Parameters<ClientDriver["prepare"]>[0]): void {
    if (this.connStatus === "connected") this.#transmit(frame);
  }

  #transmit(frame: Parameters<ClientDriver["prepare"]>[0]): void {
    this.#link?.send(this.#options.driver.prepare(frame));
  }

  #closed(reason: ClosedReason): void {
    this.#link = undefined;
    for (const [id, call] of this.#pending.all()) {
      if (call.stream !== undefined) this.#rejectCall(id, connectionLost());
    }
    const wasOpen = this.connStatus === "connected";
    const error = fromWireError(this.#lastError ?? reason.error);
    const comesBack = wasOpen && reason.byActor === true;
    const isFatal = reason.final && !comesBack && !isRetryable(error);
    if (isFatal && !this.#options.onFatal(error)) return wasOpen ? this.#fail(error) : this.#refused(error);
    this.#reconnect();
    if (wasOpen) this.#closes.emit();
    // A reason that somebody gave: `conn.disconnect("user.kicked")`, or an event over the limit.
    const isTold = error.group !== "client" && !isPlainDisconnect(error) && !isRetryable(error);
    if (wasOpen && isTold) this.#errors.emit(error);
  }

  #reconnect(): void {
    if (this.#ended.signal.aborted) return;
    this.#setStatus("disconnected");
    if (this.#ended.signal.aborted) return;
    const { ports } = this.#options;
    const options = { minMs: clientLimits.reconnectMinMs, maxMs: clientLimits.reconnectMaxMs };
    const open = (): void => {
      this.#endWait?.();
      this.#open();
    };
    const timer = ports.tasks.after(backoffDelayMs(this.#attempt++, options, ports), open);
    const stopWatching = ports.onReconnectTrigger?.(() => {
      this.#attempt = 0;
      open();
    });
    this.#endWait = () => {
      timer.cancel();
      stopWatching?.();
    };
  }

  /** The actor does not let it in. A hook that throws is told before the socket closes, hence the order. */
  #refused(error: HoldfastError): void {
    if (isPlainDisconnect(error)) this.#fail(refusalOf(error), ["disconnected", "idle"]);
    else this.#fail(error, ["idle", "disconnected"]);
  }

  /** Ends the connection because of an error that another attempt would not mend. */
  #fail(cause: unknown, statuses: readonly ConnStatus[] = ["disconnected"]): void {
    const error =
      cause instanceof HoldfastError
        ? cause
        : new HoldfastError("client", "connect_failed", "The connection could not be opened", { cause });
    const wasOpen = this.connStatus === "connected";
    this.#end(error);
    for (const status of statuses) if (!this.#disposed) this.#setStatus(status);
    if (wasOpen) this.#closes.emit();
    this.#errors.emit(error);
  }

  #end(error: HoldfastError): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(error);
    this.#endWait?.();
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
