/** Prompts that start tasks at given times, or when something happens at a forge. */
import type { TaskError } from "./task-list.ts";

/** An event of a repository, caused by somebody who may write it. */
export type ScheduleEvent =
  | { readonly type: "checks-failed" | "pull-request-opened" | "review-requested" }
  /** An issue or a pull request gets this label. */
  | { readonly type: "labelled"; readonly label: string }
  /** A comment, or the text of a new issue or pull request, has `@name`. */
  | { readonly type: "mentioned"; readonly name: string };

/** What a person sets. */
export interface ScheduleInput {
  /** Of a schedule that is changed. Absent for a new one. */
  readonly id?: string;
  readonly name: string;
  /**
   * Five fields: minute, hour, day of the month, month, day of the week. At least 5 minutes between two times. Empty for
   * one that runs on an event.
   */
  readonly cron: string;
  /** What happens at the forge of the connected repository, instead of times. */
  readonly on?: ScheduleEvent;
  /** An IANA time zone, such as "Europe/Berlin". */
  readonly timezone: string;
  /** As for a new task. */
  readonly repository: string;
  /** Branch of a connected repository. */
  readonly branch?: string;
  readonly agent: string;
  readonly prompt: string;
}

export interface ScheduleView extends Omit<ScheduleInput, "id"> {
  readonly id: string;
  readonly isPaused: boolean;
  /** The next three times; none while it is paused. */
  readonly nextAt: readonly number[];
  /** Newest first, at most 20. */
  readonly runs: readonly ScheduleRun[];
}

export interface ScheduleRun {
  readonly id: string;
  readonly at: number;
  readonly cause: "schedule" | "person" | "event";
  /** The task that it has started. Absent if it has failed. */
  readonly taskId?: string;
  readonly error?: TaskError;
}

/** Actions of `schedules`. Errors: group "schedule". */
export interface SchedulesActions {
  /** Oldest first. */
  list(): Promise<readonly ScheduleView[]>;
  /**
   * Creates or changes a schedule. Throws `schedule.invalid_input`, `.not_found`, `.too_many`, and what a new task throws
   * for its repository and its agent.
   */
  save(input: ScheduleInput): Promise<ScheduleView>;
  /** Pauses or continues it. Times that pass meanwhile are left out. Throws `schedule.not_found`. */
  pause(id: string, isPaused: boolean): Promise<ScheduleView>;
  /** Starts a task now, whether it is paused or not. Throws `schedule.not_found`; a failure is in the run. */
  run(id: string): Promise<ScheduleRun>;
  /** Its tasks stay. Idempotent. */
  remove(id: string): Promise<void>;
}

/** Events of `schedules`. */
export interface SchedulesEvents {
  changed: ScheduleView;
  removed: { readonly id: string };
}
