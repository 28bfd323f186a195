/** What people were told of a session so far. */
export interface ReportedSession {
  /** Ids of the open approvals. */
  approvals: string[];
  /** How its last turn ended, or that it works. */
  turn: string;
}

/** What a task has reported so far; the part about a session is that of its first one. */
export interface ReportedNews extends ReportedSession {
  seq: number;
  /** The pull request and the commit whose checks fail. */
  failing?: string;
  /** The turn that asks whether code of a fork gets secrets. */
  asking?: string;
  /** How its attempts stood together. Absent if none are to be chosen from. */
  attempts?: string;
}
