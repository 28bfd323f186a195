import type { DeathRecord } from "./mailbox/records.ts";

/** A message as people look at it. Times are milliseconds since the epoch. */
export interface InspectedMessage {
  readonly id: number;
  readonly name: string;
  readonly createdAt: number;
  /** Deliveries so far. */
  readonly attempt: number;
  readonly priority: number;
  /** "out" with a consumer that has not completed it; "delayed" until `availableAt`. */
  readonly status: "ready" | "delayed" | "out" | "dead";
  readonly availableAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly body: unknown;
  /** Of dead letters, and of messages of a dead-letter queue. */
  readonly death: DeathRecord | undefined;
}

/** The oldest messages of the queues of one actor. */
export interface InspectedQueue {
  /** Messages that nobody has taken for good. */
  readonly size: number;
  readonly maxSize: number;
  readonly truncated: boolean;
  /** In order of their ids. */
  readonly messages: readonly InspectedMessage[];
}
