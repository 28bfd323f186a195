import type { DeathRecord } from "./mailbox/records.ts";

/** A message as the inspector shows it. Times are milliseconds since the epoch. */
export interface InspectedMessage {
  readonly id: number;
  readonly name: string;
  readonly createdAt: number;
  /** Number of deliveries. */
  readonly attempt: number;
  readonly priority: number;
  /** "out" while a consumer holds it; "delayed" until `availableAt`. */
  readonly status: "ready" | "delayed" | "out" | "dead";
  readonly availableAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly body: unknown;
  /** For dead letters, and messages of a dead-letter queue. */
  readonly death: DeathRecord | undefined;
}

/** The oldest messages of the queues of one actor. */
export interface InspectedQueue {
  /** Number of messages that are not taken or deleted. */
  readonly size: number;
  readonly maxSize: number;
  readonly truncated: boolean;
  /** Ordered by id. */
  readonly messages: readonly InspectedMessage[];
}
