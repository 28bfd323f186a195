import { isErrorCode, type Timer, uuidv7 } from "@holdfast/core";
import type { DriverSendReply, RequestFrame, SendContent } from "../driver.ts";
import type { ClientPorts } from "../internal/ports.ts";
import { clientLimits } from "../limits.ts";
import type { QueueSendOptions, QueueSendResult, QueueWaitOptions } from "../queue.ts";
import { normalizeSendOptions, type QueueSender } from "../queue-send.ts";

export interface ConnectionSendOptions {
  readonly ports: ClientPorts;
  /** Sends a request frame over the current socket, and again after each reconnect, until it is answered. */
  readonly submit: (frame: (id: number) => RequestFrame, signal: AbortSignal | undefined) => Promise<unknown>;
  /** Subscribes to the loss of the socket; the returned function unsubscribes. */
  readonly onClose: (callback: () => void) => () => void;
  /** Sends messages that are too long for a frame. */
  readonly sender: QueueSender;
}

/**
 * `send` of a connection. It uses the socket, so that messages and calls keep their order and the actor sees their
 * sender. A message that is too long for a frame is sent in a request of its own.
 */
export async function sendOverConnection(
  { ports, submit, onClose, sender }: ConnectionSendOptions,
  queue: string,
  body: unknown,
  options?: QueueSendOptions | QueueWaitOptions | null,
): Promise<QueueSendResult | undefined> {
  const { signal, idempotencyKey: givenKey, waits, timeoutMs, message } = normalizeSendOptions(options);
  const idempotencyKey = givenKey ?? uuidv7(ports.clock, ports.random);
  const request = (content: SendContent): Promise<unknown> =>
    submit((id) => ({ type: "send", id, queue, idempotencyKey, content }), signal);
  const deadline = ports.clock.now() + timeoutMs;
  const wait = (content: SendContent): Promise<DriverSendReply> =>
    withDeadline({ ports, onClose, deadline }, request(content).then(toReply));
  const remainingWaitMs = (): number =>
    Math.max(0, Math.min(deadline - ports.clock.now(), clientLimits.queueWaitMs));
  try {
    if (!waits) {
      await request({ ...message, body });
      return undefined;
    }
    let reply = await wait({ ...message, body, wait: true, timeout: remainingWaitMs() });
    while (reply.status !== "completed") {
      if (remainingWaitMs() === 0) return { status: "timedOut" };
      reply = await wait({ wait: true, timeout: remainingWaitMs(), resume: true });
    }
    return reply;
  } catch (error) {
    if (!isErrorCode(error, "message", "incoming_too_long")) throw error;
    return sender.send(queue, body, { ...options, idempotencyKey });
  }
}

/**
 * Times a wait out on the client once the socket was lost. Normally the server ends a wait, but after a reconnect the
 * same frame starts its time again. The frame cannot be dropped, as its message may not have arrived.
 */
async function withDeadline(
  {
    ports,
    onClose,
    deadline,
  }: Pick<ConnectionSendOptions, "ports" | "onClose"> & { readonly deadline: number },
  answer: Promise<DriverSendReply>,
): Promise<DriverSendReply> {
  const expiry = Promise.withResolvers<DriverSendReply>();
  let timer: Timer | undefined;
  const off = onClose(() => {
    const remainingMs = Math.max(0, deadline - ports.clock.now());
    if (remainingMs > clientLimits.maxDelayMs) return;
    timer ??= ports.tasks.after(remainingMs, () => expiry.resolve({ status: "timedOut" }));
  });
  try {
    return await Promise.race([answer, expiry.promise]);
  } finally {
    off();
    timer?.cancel();
  }
}

function toReply(value: unknown): DriverSendReply {
  const { status, response } = value as DriverSendReply;
  if (status !== "completed") return { status: "timedOut" };
  return response === undefined ? { status } : { status, response };
}
