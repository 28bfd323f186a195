/** Interfaces between a runner and the durable actors of its task. */
import type { SessionBatch, SessionRecord } from "../backend/session.ts";
import type { TaskReport } from "../backend/turns/reports.ts";
import type { TaskWork } from "../backend/turns/work.ts";
import type { SessionEvent, SessionPage } from "../contract.ts";

/** The task actor as a runner uses it. Every call resolves when its effect is durable. */
export interface TaskBackend {
  next(): Promise<TaskWork | undefined>;
  report(report: TaskReport): Promise<void>;
  /** Brings the files to this node if another one has them. Throws `snapshot.*`. */
  bringFiles(): Promise<void>;
  /** Stores a snapshot of the files. Throws `snapshot.*`. */
  saveFiles(): Promise<void>;
}

export interface SessionBackend {
  append(batch: SessionBatch): Promise<number>;
  hasRecord(dedupeKey: string): Promise<boolean>;
  /** True if an agent was sent a prompt in this session: the log has a record keyed `sent/…`. */
  wasPrompted(): Promise<boolean>;
  events(query: { readonly after: number; readonly limit?: number }): Promise<SessionPage>;
  size(): Promise<number>;
}

export type { SessionEvent, SessionRecord };
