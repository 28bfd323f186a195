import type { DeathRecord, MessageRecord } from "./records.ts";

/**
 * State of a message: ready in its queue; delayed; out with a consumer that completes it; taken by a consumer whose
 * next turn deletes it; or removed.
 */
export type MessageState = "ready" | "delayed" | "out" | "taken" | "removed";

/** A message in memory. */
export interface Message extends MessageRecord {
  queue: string;
  attempt: number;
  availableAt: number;
  waiters: readonly string[];
  death?: DeathRecord | undefined;
  state: MessageState;
  /** When a message that is out returns to its queue. */
  visibleAt: number | undefined;
  /** The next time at which it becomes available, expires, or returns to its queue. */
  dueAt: number | undefined;
  /** True if it has a record. */
  stored: boolean;
}

/** The order of delivery: the highest priority first, then the oldest message. */
export function comesFirst(a: Message, b: Message): boolean {
  return a.priority !== b.priority ? a.priority > b.priority : a.id < b.id;
}
