/** A task at work: jail, agent process, prompts, permissions, reports. */
import type { SessionBatch, SessionRecord } from "../backend/session.ts";
import type { TaskReport, TaskWork } from "../backend/task-state.ts";
import type { SessionEvent, SessionPage } from "../contract.ts";

/** The durable side, as a runner sees it: every call resolves when what it says is durable. */
export interface TaskBackend {
  next(): Promise<TaskWork | undefined>;
  report(report: TaskReport): Promise<void>;
}

export interface SessionBackend {
  append(batch: SessionBatch): Promise<number>;
  has(once: string): Promise<boolean>;
  /** True when an agent was given a prompt in the session: the log has a record marked `sent/…`. */
  prompted(): Promise<boolean>;
  events(query: { readonly after: number; readonly limit?: number }): Promise<SessionPage>;
  size(): Promise<number>;
}

export type { SessionEvent, SessionRecord };
