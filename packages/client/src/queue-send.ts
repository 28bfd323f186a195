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
  /** The target of a request; makes the actor first where its input is still to be delivered. */
  readonly target: (signal: AbortSignal | undefined) => Promise<ActorTarget> | ActorTarget;
  readonly params: () => Promise<unknown> | unknown;
  readonly signal: (signal: AbortSignal | undefined) => AbortSignal;
  /** True when what the error says can be mended by asking for the target again. */
  readonly remade: (error: unknown) => boolean;
}

interface Attempt {
  readonly queue: string;
  readonly content: PreparedFrame;
  readonly waits: boolean;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/**
 * `send` of one handle. Messages enter their queues in the order of the calls, each once however often its
 * request has to be repeated; a wait is a matter of its own after that, and outlives what is lost between.
 */
export class QueueSender {
  readonly #options: QueueSenderOptions;
  /** Settles when the messages before are in their queues, or refused. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(options: QueueSenderOptions) {
    this.#options = options;
  }

  send(
    queue: string,
    body: unknown,
    options?: QueueSendOptions | QueueWaitOptions | null,
  ): Promise<QueueSendResult | undefined> {
    const sent = this.#send(queue, body, options);
    const { tasks, reportSend } = this.#options.ports;
    return reportSend === undefined ? sent : trackRejection(sent, tasks, reportSend);
  }

  async #send(
    queue: string,
    body: unknown,
    options: QueueSendOptions | QueueWaitOptions | null | undefined,
  ): Promise<QueueSendResult | undefined> {
    const { driver, ports } = this.#options;
    const { signal: own, idempotencyKey: givenKey, waits, timeoutMs, message } = sendSettings(options);
    const signal = this.#options.signal(own);
    signal.throwIfAborted();
    const idempotencyKey = givenKey ?? uuidv7(ports.clock, ports.random);
    // A time of zero: whether it is completed is asked once it is in the queue.
    const content = driver.prepareSend({ ...message, body, ...(waits ? { wait: true, timeout: 0 } : {}) });
    const entered = await this.#inOrder({ queue, content, waits, idempotencyKey, signal });
    if (!waits) return undefined;
    return entered.status === "completed"
      ? entered
      : this.#wait({ queue, idempotencyKey, signal, timeout: timeoutMs });
  }

  #inOrder(attempt: Attempt): Promise<DriverSendReply> {
    const { driver } = this.#options;
    if (driver.keepsOrder) return this.#attempt(attempt);
    const entered = this.#before.then(() => this.#attempt(attempt));
    this.#before = entered.catch(() => undefined);
    // Who gives up while it waits for its turn need not wait for those before it.
    return abortable(entered, attempt.signal);
  }

  #attempt({ queue, content, waits, idempotencyKey, signal }: Attempt): Promise<DriverSendReply> {
    const { driver, ports, target, params } = this.#options;
    const request = async (): Promise<DriverSendReply> => {
      const [where, given] = [target(signal), params()];
      // Without a pause where there is nothing to wait for: what an actor sends belongs to its open turn.
      const reached = where instanceof Promise ? await where : where;
      const known = given instanceof Promise ? await given : given;
      return driver.send({ target: reached, queue, content, waits, params: known, idempotencyKey, signal });
    };
    return withRetry(request, signal, ports).catch((error: unknown) => {
      if (!this.#options.remade(error)) throw error;
      return withRetry(request, signal, ports);
    });
  }

  /** Asks again and again, each time for a while: proxies cut requests that take long. */
  async #wait(waiting: {
    readonly queue: string;
    readonly idempotencyKey: string;
    readonly signal: AbortSignal;
    readonly timeout: number;
  }): Promise<QueueSendResult> {
    const { driver, ports } = this.#options;
    const until = ports.clock.now() + waiting.timeout;
    for (;;) {
      const left = until - ports.clock.now();
      if (left <= 0) return { status: "timedOut" };
      const timeout = Math.min(left, clientLimits.queueWaitMs);
      const content = driver.prepareSend({ wait: true, timeout, resume: true });
      try {
        const reply = await this.#attempt({ ...waiting, content, waits: true });
        if (reply.status === "completed") return reply;
      } catch (error) {
        // The server is away for longer than a call would wait for it; the message is not lost.
        if (!isRetryable(error)) throw error;
      }
    }
  }
}

const noOptions: QueueSendOptions = {};

/** What a send was given; null stands for what was not. */
export function sendSettings(options: QueueSendOptions | QueueWaitOptions | null | undefined) {
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
