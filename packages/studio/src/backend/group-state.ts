import type { GroupEventView } from "../contract.ts";
import type { SessionMode } from "../groups/group-settings.ts";

/** An event on its way to a group: checked, with the words that the agent will be told. */
export interface GroupEvent {
  /** The same for an event that is handed in again. */
  readonly id: string;
  readonly topic: string;
  /** "prompt", "plugin:NAME", "webhook:NAME". */
  readonly source: string;
  readonly text: string;
  readonly session: SessionMode;
  /** Why what it says is from outside; absent for words of the person. */
  readonly taint?: string;
  /** For the plugin that names the session. */
  readonly envelope?: unknown;
}

/** One event as it is kept; what the agent is told goes when it is done. */
export interface EventRecord {
  readonly view: GroupEventView;
  readonly event?: GroupEvent;
}

/** The event that is worked on. What it begins has its names before it is begun, so that it begins once. */
export interface RunningEvent {
  readonly seq: number;
  readonly taskId: string;
  readonly sessionId: string;
  readonly promptId: string;
  /** True when the prompt goes to a task that is there already. */
  readonly resumes: boolean;
  /** The task has it. */
  begun: boolean;
  /** How often it could not be begun. */
  attempts?: number;
  /** Until then it is not tried again. */
  retryAt?: number;
}

/** A session of the group, the newest last. */
export interface GroupSession {
  readonly taskId: string;
  readonly sessionId: string;
  readonly startedAt: number;
  usedAt: number;
}

export interface GroupState {
  version: 1;
  /** The sequence of the next event. */
  next: number;
  /** Sequences that wait, in order. */
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
