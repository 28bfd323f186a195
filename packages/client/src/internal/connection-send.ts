import { isErrorCode, type Timer, uuidv7 } from "@holdfast/core";
import type { AnsweredFrame, DriverSendReply, SendContent } from "../driver.ts";
import { clientLimits } from "../limits.ts";
import type { QueueSendOptions, QueueSendResult, QueueWaitOptions } from "../queue.ts";
import { type QueueSender, sendSettings } from "../queue-send.ts";
import type { ClientPorts } from "./ports.ts";

export interface ConnectionSendOptions {
  readonly ports: ClientPorts;
  /** Sends a frame over the live connection, and again over the next one, until it is answered. */
  readonly submit: (
    frame: (id: number) => AnsweredFrame,
    signal: AbortSignal | undefined,
  ) => Promise<unknown>;
  /** Calls back whenever the connection is cut off, until the returned function is called. */
  readonly onClose: (callback: () => void) => () => void;
  /** Takes what is too long for a frame. */
  readonly sender: QueueSender;
}

/**
 * `send` of a connection: over its socket, so that messages and calls keep their order and the actor sees
 * whose they are. A message that is too long for a frame goes by a request of its own.
 */
export async function sendOverConnection(
  { ports, submit, onClose, sender }: ConnectionSendOptions,
  queue: string,
  body: unknown,
  options?: QueueSendOptions | QueueWaitOptions | null,
): Promise<QueueSendResult | undefined> {
  const { signal, idempotencyKey: givenKey, waits, timeoutMs, message } = sendSettings(options);
  const idempotencyKey = givenKey ?? uuidv7(ports.clock, ports.random);
  const ask = (content: SendContent): Promise<unknown> =>
    submit((id) => ({ type: "send", id, queue, idempotencyKey, content }), signal);
  const until = ports.clock.now() + timeoutMs;
  const wait = (content: SendContent): Promise<DriverSendReply> =>
    inTime({ ports, onClose, until }, ask(content).then(replyOf));
  const patience = (): number => Math.max(0, Math.min(until - ports.clock.now(), clientLimits.queueWaitMs));
  try {
    if (!waits) {
      await ask({ ...message, body });
      return undefined;
    }
    let reply = await wait({ ...message, body, wait: true, timeout: patience() });
    while (reply.status !== "completed") {
      if (patience() === 0) return { status: "timedOut" };
      reply = await wait({ wait: true, timeout: patience(), resume: true });
    }
    return reply;
  } catch (error) {
    if (!isErrorCode(error, "message", "incoming_too_long")) throw error;
    return sender.send(queue, body, { ...options, idempotencyKey });
  }
}

/**
 * The server says when the time of a wait is over. Once the connection was cut off, that may be long after it: the
 * same frame is sent again, whose time then begins anew. The frame stays, as its message may not have arrived.
 */
async function inTime(
  { ports, onClose, until }: Pick<ConnectionSendOptions, "ports" | "onClose"> & { readonly until: number },
  answer: Promise<DriverSendReply>,
): Promise<DriverSendReply> {
  const late = Promise.withResolvers<DriverSendReply>();
  let timer: Timer | undefined;
  const off = onClose(() => {
    const left = Math.max(0, until - ports.clock.now());
    if (left > clientLimits.maxDelayMs) return;
    timer ??= ports.tasks.after(left, () => late.resolve({ status: "timedOut" }));
  });
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    off();
    timer?.cancel();
  }
}

function replyOf(value: unknown): DriverSendReply {
  const { status, response } = value as DriverSendReply;
  if (status !== "completed") return { status: "timedOut" };
  return response === undefined ? { status } : { status, response };
}
