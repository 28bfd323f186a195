import type { GroupEventView } from "../contract.ts";
import type { SessionMode } from "../groups/group-settings.ts";

/** A validated event for a group, with the prompt text for the agent. */
export interface GroupEvent {
  /** Deduplication key: equal for every delivery of the same event. */
  readonly id: string;
  readonly topic: string;
  /** "prompt", "plugin:NAME", "webhook:NAME". */
  readonly source: string;
  readonly text: string;
  readonly session: SessionMode;
  /** Why the text is untrusted. Absent if the user wrote it. */
  readonly taint?: string;
  /** Raw payload for the plugin that selects the session. */
  readonly envelope?: unknown;
}

/** An event as stored. `event` is deleted when the event has finished. */
export interface EventRecord {
  readonly view: GroupEventView;
  readonly event?: GroupEvent;
}

/** The event in progress. Its ids are persisted before the turn starts, so starting it again is idempotent. */
export interface RunningEvent {
  readonly seq: number;
  readonly taskId: string;
  readonly sessionId: string;
  readonly promptId: string;
  /** True if the prompt goes to an existing task. */
  readonly resumes: boolean;
  /** True after the task has accepted the prompt. */
  begun: boolean;
  /** Number of failed attempts to start it. */
  attempts?: number;
  /** Earliest time of the next attempt. */
  retryAt?: number;
}

/** A session of the group. The list is ordered by last use, newest last. */
export interface GroupSession {
  readonly taskId: string;
  readonly sessionId: string;
  readonly startedAt: number;
  usedAt: number;
}

export interface GroupState {
  version: 1;
  /** Sequence number of the next event. */
  next: number;
  /** Sequence numbers of the waiting events, in order. */
  waiting: number[];
  running?: RunningEvent | undefined;
  sessions: GroupSession[];
}

/** The part of an actor's key-value store that a group uses. */
export interface EventStore {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  listRange(
    start: string,
    end: string,
    options: { readonly reverse: true; readonly limit: number },
  ): Promise<[key: string, value: string][]>;
}

export function newGroupState(): GroupState {
  return { version: 1, next: 1, waiting: [], sessions: [] };
}

export function eventKey(seq: number): string {
  return `e/${seq.toString(16).padStart(12, "0")}`;
}

export function idKey(id: string): string {
  return `id/${id}`;
}

export async function readEvent(kv: EventStore, seq: number): Promise<EventRecord | undefined> {
  const value = await kv.get(eventKey(seq));
  return value === null ? undefined : (JSON.parse(value) as EventRecord);
}

/** The newest events, newest first. */
export async function newestEvents(kv: EventStore, limit: number): Promise<GroupEventView[]> {
  const rows = await kv.listRange("e/", "e0", { reverse: true, limit });
  return rows.map(([, value]) => (JSON.parse(value) as EventRecord).view);
}
