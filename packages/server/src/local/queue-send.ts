import type { ActorCaller, SendCall } from "@holdfast/actors";
import {
  type DriverSend,
  type DriverSendReply,
  type PreparedFrame,
  type SendContent,
  trustedDepth,
} from "@holdfast/client";
import { decodeValue, encodeValue, HoldfastError, limits } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";
import { contentOf } from "../sessions/queue-content.ts";

/** The actor's response to a send. */
export function decodeOutcome(bytes: Uint8Array): DriverSendReply {
  const { status, response } = decodeValue(bytes, { maxDepth: trustedDepth }) as {
    readonly status?: unknown;
    readonly response?: unknown;
  };
  if (status === "timedOut") return { status };
  return response === undefined ? { status: "completed" } : { status: "completed", response };
}

export function prepareLocalSend(content: SendContent): PreparedFrame {
  const data = encodeValue(content);
  return { data, size: data.length };
}

/**
 * A send within this process. A send of an actor that does not wait is a row of the actor's own turn, so that it is
 * delivered even if the process dies now; any other send leaves after that turn.
 */
export async function sendLocally(
  send: DriverSend,
  caller: ActorCaller | undefined,
  leave: (signal: AbortSignal) => Promise<Directory>,
): Promise<DriverSendReply> {
  const { target, queue, content, waits, idempotencyKey, signal } = send;
  const call: SendCall = { ...readLocal(content), name: queue, params: send.params, idempotencyKey, signal };
  if (caller !== undefined && !waits) {
    const { body, options, params } = call;
    await caller.send({ target, queue, body, params, idempotencyKey, options });
    return { status: "completed" };
  }
  const directory = await leave(signal);
  const outcome = await directory.send(target, call);
  // Only the wait ends; the message stays.
  signal.throwIfAborted();
  return decodeOutcome(outcome);
}

function readLocal({
  data,
}: PreparedFrame): Pick<SendCall, "body" | "wait" | "timeoutMs" | "resumes" | "options"> {
  if (typeof data === "string") throw new TypeError("a local send is always CBOR");
  // CBOR overhead: the map of the request.
  const content = decodeValue(data, { maxDepth: limits.maxDepth + 1 });
  if (typeof content !== "object" || content === null) throw malformed();
  return contentOf(content as Readonly<Record<string, unknown>>);
}

function malformed(): HoldfastError {
  return new HoldfastError("message", "malformed_request", "A send is an object");
}
