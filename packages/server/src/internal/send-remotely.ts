import type { SendCall } from "@holdfast/actors";
import type { ActorTarget, ClientDriver, DriverSendReply, SendContent } from "@holdfast/client";

/** Sends a message of an actor's outbox to an actor of another node. */
export function sendRemotely(
  driver: ClientDriver,
  target: ActorTarget,
  { name, body, options, params, idempotencyKey }: SendCall,
): Promise<DriverSendReply> {
  // The key makes a repetition harmless: the outbox gives every message one.
  if (idempotencyKey === undefined) {
    throw new TypeError("a message of an outbox has an idempotency key");
  }
  const content = driver.prepareSend({ ...(options as SendContent | undefined), body });
  const signal = new AbortController().signal;
  return driver.send({ target, queue: name, content, waits: false, params, idempotencyKey, signal });
}
