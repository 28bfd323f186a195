/** Types of the contract by subject: groups and their events. */
import type { TaskError } from "../contract/task-list.ts";

/** A group from `groups.json`, with its newest events. */
export interface GroupView {
  readonly name: string;
  readonly description: string;
  readonly agent: string;
  readonly session: "fresh" | "resume" | "explicit";
  /** Number of waiting events. */
  readonly waiting: number;
  /** Sequence number of the event in progress. */
  readonly running?: number;
  /** Newest first, at most 50. */
  readonly events: readonly GroupEventView[];
}

/** An event of a group. */
export interface GroupEventView {
  readonly id: string;
  /** Starts at 1 and has no gaps. */
  readonly seq: number;
  readonly topic: string;
  readonly source: string;
  readonly title: string;
  readonly state: "waiting" | "running" | "done" | "failed" | "cancelled";
  /** True if it contains untrusted text. */
  readonly tainted: boolean;
  readonly receivedAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly taskId?: string;
  readonly sessionId?: string;
  /** Head of the session's log before this event started. */
  readonly fromSeq?: number;
  /** Why it failed to start; while it waits for a retry, the reason of the last attempt. */
  readonly error?: TaskError;
  /** Number of failed attempts to start it. */
  readonly attempts?: number;
  /** Time of the next attempt. */
  readonly retryAt?: number;
}

/** `duplicate` is true if the event had already been accepted; it does not run again. */
export interface GroupEventAccepted extends GroupEventView {
  readonly duplicate: boolean;
}

/** Actions of `group`. Errors: group "group". */
export interface GroupActions {
  get(): Promise<GroupView>;
  /** Enqueues a prompt, which starts a turn. Throws `group.queue_full`, `group.not_found`. */
  prompt(text: string, options?: { readonly id?: string }): Promise<GroupEventAccepted>;
}

/** Events of `group`. */
export interface GroupEvents {
  changed: GroupEventView;
}
