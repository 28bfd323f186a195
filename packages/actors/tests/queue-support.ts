import type { ActorInstance, SendCall } from "@holdfast/actors";
import { decodeValue, HoldfastError } from "@holdfast/core";
import { type TestPorts, turn } from "./harness.ts";

export interface Sent {
  readonly status: string;
  readonly response?: unknown;
}

/** Sends as a client does. */
export async function send(
  instance: ActorInstance,
  name: string,
  body?: unknown,
  options: Omit<SendCall, "name" | "body"> = {},
): Promise<Sent> {
  return decodeValue(await instance.send({ name, body, ...options })) as Sent;
}

/** For `assert.rejects`. */
export function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof HoldfastError && `${error.group}.${error.code}` === expected;
}

/** What an action that catches an error tells of it. */
export function codeOf(error: unknown): string {
  return error instanceof HoldfastError ? `${error.group}.${error.code}` : String(error);
}

/** Resolves when so many timers are set. */
export async function timers(ports: TestPorts, count: number): Promise<void> {
  while (ports.pendingTimers < count) await turn();
}
