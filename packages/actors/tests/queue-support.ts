import type { ActorInstance, SendCall } from "@holdfast/actors";
import { decodeValue, HoldfastError } from "@holdfast/core";
import { type TestPorts, turn } from "./harness.ts";

export interface Sent {
  readonly status: string;
  readonly response?: unknown;
}

/** Sends like a client. */
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

/** The error fields that an action returns. */
export function codeOf(error: unknown): string {
  return error instanceof HoldfastError ? `${error.group}.${error.code}` : String(error);
}

/** Resolves when this number of timers is set. */
export async function untilTimers(ports: TestPorts, count: number): Promise<void> {
  while (ports.pendingTimers < count) await turn();
}
