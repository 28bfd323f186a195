import type { ConnectionMemory, OutgoingEvent } from "@holdfast/actors";
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
  /** The actor sleeps; `count` is the number of events so far. For hosts that may leave memory now. */
  slept?(memory: ConnectionMemory, count: number): void;
  /** The actor is in memory again. */
  woke?(): void;
}

/** An accepted connection whose socket was kept while everything else left memory. */
export interface KeptSession {
  readonly actorId: string;
  readonly connId: string;
  /** The name under which the client may ask for it. */
  readonly token: string;
  /** The number of events so far; undefined if it is unknown, and then nothing can be resumed. */
  readonly count: number | undefined;
  readonly memory: Partial<ConnectionMemory>;
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
  /** Continues this connection instead of opening one. */
  readonly kept?: KeptSession | undefined;
}
