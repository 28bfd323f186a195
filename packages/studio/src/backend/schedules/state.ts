import { Cron } from "croner";
import type { ScheduleInput, ScheduleRun, ScheduleView } from "../../contract/schedules.ts";
import type { TaskStarter } from "../../contract/task-list.ts";

/** What has happened, for the prompt of its task. */
export interface ScheduleOccurrence {
  /** One task for each. */
  readonly key: string;
  /** What is said below the prompt: text of others. */
  readonly text: string;
  /** Why the prompt is untrusted. */
  readonly taint: string;
  readonly pullRequest?: number;
  readonly branch?: string;
  /** Of what it is about. */
  readonly labels?: readonly string[];
}

/** A schedule as it is stored. */
export interface Schedule extends Omit<ScheduleInput, "id"> {
  readonly id: string;
  isPaused: boolean;
  /** Who has set it up. Its tasks are theirs. */
  readonly person: string;
  readonly startedBy?: TaskStarter;
  /** Newest first. */
  runs: StoredRun[];
}

/** Its ids are durable before the task is created, so that creating it again makes no second one. */
export interface StoredRun extends Omit<ScheduleRun, "taskId" | "error"> {
  readonly taskId: string;
  readonly sessionId: string;
  readonly promptId: string;
  /** The event that it runs for. Absent for a time and a person. */
  readonly occurrence?: ScheduleOccurrence;
  /** `starting`: a process may have ended before the task was there. */
  state: "starting" | "started" | "failed";
  error?: { readonly group: string; readonly code: string; readonly message: string };
}

export interface SchedulesState {
  version: 1;
  schedules: Schedule[];
}

export const maxRuns = 20;
const shownTimes = 3;

export function toScheduleView(schedule: Schedule, now: number): ScheduleView {
  const { id, name, cron, timezone, repository, branch, agent, prompt, isPaused, runs, on } = schedule;
  return {
    ...{ id, name, cron, timezone, repository, agent, prompt, isPaused },
    ...(branch === undefined ? {} : { branch }),
    ...(on === undefined ? {} : { on: { ...on } }),
    nextAt: isPaused || on !== undefined ? [] : nextTimes(cron, timezone, now, shownTimes),
    runs: runs.map(toRunView),
  };
}

export function toRunView({ id, at, cause, taskId, state, error }: StoredRun): ScheduleRun {
  return {
    ...{ id, at, cause },
    ...(state === "failed" ? {} : { taskId }),
    ...(error === undefined ? {} : { error: { ...error } }),
  };
}

/** The next times of an expression, at most `count`. Throws what croner throws for one that is invalid. */
export function nextTimes(cron: string, timezone: string, now: number, count: number): readonly number[] {
  const times = new Cron(cron, { timezone, mode: "5-part" }).nextRuns(count, new Date(now));
  return times.map((time) => time.getTime());
}
