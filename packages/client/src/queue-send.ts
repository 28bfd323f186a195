import { trackRejection, uuidv7 } from "@holdfast/core";
import type { ActorTarget, ClientDriver, DriverSendReply, PreparedFrame } from "./driver.ts";
import { abortable } from "./internal/abortable.ts";
import type { ClientPorts } from "./internal/ports.ts";
import { clientLimits } from "./limits.ts";
import type { QueueSendOptions, QueueSendResult, QueueWaitOptions } from "./queue.ts";
import { isRetryable, withRetry } from "./retry.ts";

export interface QueueSenderOptions {
  readonly driver: ClientDriver;
  readonly ports: ClientPorts;
  /** Resolves the target of a request. Creates the actor first when its input is not delivered yet. */
  readonly target: (signal: AbortSignal | undefined) => Promise<ActorTarget> | ActorTarget;
  readonly params: () => Promise<unknown> | unknown;
  readonly signal: (signal: AbortSignal | undefined) => AbortSignal;
  /** Clears the cached creation of the actor. True when resolving the target again may fix this error. */
  readonly invalidateTarget: (error: unknown) => boolean;
}

interface SendAttempt {
  readonly queue: string;
  readonly content: PreparedFrame;
  readonly waits: boolean;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/**
 * `send` of one handle. Messages enter their queues in call order, once each, however often a request is retried.
 * Waiting for completion is a separate request, which survives lost connections.
 */
export class QueueSender {
  readonly #options: QueueSenderOptions;
  /** Settles when all earlier messages were enqueued or refused. */
  #previousSend: Promise<unknown> = Promise.resolve();

  constructor(options: QueueSenderOptions) {
    this.#options = options;
  }

  send(
    queue: string,
    body: unknown,
    options?: QueueSendOptions | QueueWaitOptions | null,
  ): Promise<QueueSendResult | undefined> {
    const sent = this.#send(queue, body, options);
    const { tasks, reportSendFailure } = this.#options.ports;
    return reportSendFailure === undefined ? sent : trackRejection(sent, tasks, reportSendFailure);
  }

  async #send(
    queue: string,
    body: unknown,
    options: QueueSendOptions | QueueWaitOptions | null | undefined,
  ): Promise<QueueSendResult | undefined> {
    const { driver, ports } = this.#options;
    const {
      signal: own,
      idempotencyKey: givenKey,
      waits,
      timeoutMs,
      message,
    } = normalizeSendOptions(options);
    const signal = this.#options.signal(own);
    signal.throwIfAborted();
    const idempotencyKey = givenKey ?? uuidv7(ports.clock, ports.random);
    // A timeout of zero enqueues the message; `#wait` then polls for its completion.
    const content = driver.prepareSend({ ...message, body, ...(waits ? { wait: true, timeout: 0 } : {}) });
    const enqueued = await this.#enqueueInOrder({ queue, content, waits, idempotencyKey, signal });
    if (!waits) return undefined;
    return enqueued.status === "completed"
      ? enqueued
      : this.#wait({ queue, idempotencyKey, signal, timeout: timeoutMs });
  }

  #enqueueInOrder(attempt: SendAttempt): Promise<DriverSendReply> {
    const { driver } = this.#options;
    if (driver.keepsOrder) return this.#attempt(attempt);
    const result = this.#previousSend.then(() => this.#attempt(attempt));
    this.#previousSend = result.catch(() => undefined);
    // An aborted send stops waiting for the sends before it.
    return abortable(result, attempt.signal);
  }

  #attempt({ queue, content, waits, idempotencyKey, signal }: SendAttempt): Promise<DriverSendReply> {
    const { driver, ports, target, params } = this.#options;
    const request = async (): Promise<DriverSendReply> => {
      const [pendingTarget, pendingParams] = [target(signal), params()];
      // Awaits only real promises: an actor's own send must enter its open turn synchronously.
      const resolvedTarget = pendingTarget instanceof Promise ? await pendingTarget : pendingTarget;
      const resolvedParams = pendingParams instanceof Promise ? await pendingParams : pendingParams;
      return driver.send({
        target: resolvedTarget,
        queue,
        content,
        waits,
        params: resolvedParams,
        idempotencyKey,
        signal,
      });
    };
    return withRetry(request, signal, ports).catch((error: unknown) => {
      if (!this.#options.invalidateTarget(error)) throw error;
      return withRetry(request, signal, ports);
    });
  }

  /** Long-polls in short requests, since proxies abort long ones. */
  async #wait(waiting: {
    readonly queue: string;
    readonly idempotencyKey: string;
    readonly signal: AbortSignal;
    readonly timeout: number;
  }): Promise<QueueSendResult> {
    const { driver, ports } = this.#options;
    const deadline = ports.clock.now() + waiting.timeout;
    for (;;) {
      const remainingMs = deadline - ports.clock.now();
      if (remainingMs <= 0) return { status: "timedOut" };
      const timeout = Math.min(remainingMs, clientLimits.queueWaitMs);
      const content = driver.prepareSend({ wait: true, timeout, resume: true });
      try {
        const reply = await this.#attempt({ ...waiting, content, waits: true });
        if (reply.status === "completed") return reply;
      } catch (error) {
        // The server was away longer than the retries of one request; the message is still queued.
        if (!isRetryable(error)) throw error;
      }
    }
  }
}

const noOptions: QueueSendOptions = {};

/** Normalizes the options of a send; null counts as undefined. */
export function normalizeSendOptions(options: QueueSendOptions | QueueWaitOptions | null | undefined) {
  const { signal, idempotencyKey, wait, ...rest } = options ?? noOptions;
  const { timeout, ...message } = { timeout: undefined, ...rest };
  return {
    signal: signal ?? undefined,
    idempotencyKey: idempotencyKey ?? undefined,
    waits: wait === true,
    timeoutMs: timeout ?? Number.POSITIVE_INFINITY,
    message,
  };
}
