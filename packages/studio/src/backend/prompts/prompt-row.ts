import type { AttachmentView } from "../../contract/prompts.ts";
import type { TaskOrigin, TaskStarter } from "../../contract/task-list.ts";

/** A durable prompt. One that is still `sent` after a restart was interrupted. */
export interface PromptRow {
  readonly id: string;
  readonly text: string;
  state: "queued" | "sent" | "done" | "failed" | "cancelled";
  /** Number of times it was started. */
  attempts: number;
  /** Attempts interrupted by an orderly server shutdown, which do not count as failures. */
  putDown?: number;
  /** The group event that caused it. */
  readonly origin?: TaskOrigin;
  /** Why its text is untrusted. */
  readonly taint?: string;
  readonly attachments?: readonly AttachmentView[];
  /** Who sent it. Absent for groups, and in states of earlier versions. */
  readonly by?: TaskStarter;
}
