import type { OutgoingEvent } from "@holdfast/actors";
import type { ActorTarget, ResumeInfo, ResumePoint } from "@holdfast/client";
import type { WireError } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";

/** Output of a connection: a WebSocket, an event stream, or a client in this process. */
export interface SessionOutput {
  init(actorId: string, connId: string, resume: ResumeInfo): void;
  /** `value` is CBOR. */
  result(id: number, value: Uint8Array): void;
  error(id: number | undefined, error: WireError): void;
  /** `number` numbers the events of this client. */
  event(event: OutgoingEvent, number: number): void;
  stream(id: number): void;
  /** `value` is CBOR. */
  chunk(id: number, value: Uint8Array): void;
  pong(): void;
  /** Called last. `code` is a WebSocket close code. */
  close(code: number, reason: string): void;
}

/** Throws to hide an action or a queue from a connection. */
export type AllowCall = (kind: "action" | "send", name: string) => Promise<void> | void;

export interface SessionOptions {
  readonly directory: Directory;
  readonly target: ActorTarget;
  readonly params: unknown;
  /** The return value of `onAuth`. */
  readonly auth?: unknown;
  readonly request: Request | undefined;
  readonly output: SessionOutput;
  readonly maxOutgoingBytes: number;
  /** The lost connection of the same client. */
  readonly resume?: ResumePoint | undefined;
  /** Events to subscribe to when it opens. */
  readonly events?: readonly string[];
  readonly allowCall?: AllowCall | undefined;
}
