/** What the board and its jobs say to each other, and what the page shows of both. */

/** What started a job. */
export interface Delivery {
  /** The forge's id of the webhook: the same for each repetition. */
  readonly id: string;
  /** "owner/name". */
  readonly repository: string;
  readonly number: number;
  /** Login of the person at the forge. */
  readonly by: string;
  readonly trigger: "label" | "comment";
  /** What was said besides the command. */
  readonly request: string;
}

/** Message of the board to a job. */
export interface Start {
  readonly attempt: number;
  readonly delivery: Delivery;
  readonly startedAt: number;
}

/** Message of a job to the board. */
export interface Report {
  readonly jobId: string;
  readonly attempt: number;
  readonly status: "running" | EndStatus;
  readonly title: string;
  readonly dollars: number;
  readonly pullUrl?: string;
}

export type EndStatus = "done" | "unchanged" | "failed" | "cancelled";

/** A job on the board. */
export interface Summary {
  readonly id: string;
  readonly delivery: Delivery;
  readonly createdAt: number;
  status: "queued" | Report["status"];
  attempt: number;
  title: string;
  changedAt: number;
  dollars: number;
  pullUrl?: string;
}

export interface Usage {
  readonly running: number;
  readonly concurrency: number;
  readonly jobsToday: number;
  readonly jobsPerDay: number;
  readonly dollarsToday: number;
  readonly dollarsPerDay: number;
}

export const phases = ["prepare", "agent", "push", "pull request"] as const;

export interface Line {
  readonly at: number;
  readonly kind: "step" | "say" | "think" | "tool" | "error";
  text: string;
}

/** A line of the log; the same number again is the same line with more text. */
export interface NumberedLine {
  readonly number: number;
  readonly line: Line;
}

/** A job as its page shows it, without its log. */
export interface JobView {
  readonly status: "waiting" | Report["status"];
  readonly phase: (typeof phases)[number];
  readonly attempt: number;
  readonly isStopping: boolean;
  readonly branch?: string;
  readonly pullUrl?: string;
  readonly error?: string;
  readonly tokens: number;
  readonly hasPatch: boolean;
}

export const isEnded = (status: string): status is EndStatus =>
  ["done", "unchanged", "failed", "cancelled"].includes(status);
