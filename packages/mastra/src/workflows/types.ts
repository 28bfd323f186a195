/** One run of a workflow. Times are milliseconds since the epoch, the snapshot is JSON. */
export interface RunRow {
  readonly workflowName: string;
  readonly runId: string;
  readonly resourceId: string | null;
  readonly snapshot: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A run of a workflow. */
export interface RunAddress {
  readonly workflowName: string;
  readonly runId: string;
}

/** Without times, those of the stored run stay, and now is the time of the change. */
export interface NewRun extends RunAddress {
  readonly resourceId?: string;
  readonly snapshot: string;
  readonly createdAt?: number;
  readonly updatedAt?: number;
}

/** The result of a step, as JSON. */
export interface StepChange extends RunAddress {
  readonly stepId: string;
  readonly result: string;
  readonly requestContext: string;
}

/** Members of a snapshot, as JSON. */
export interface StateChange extends RunAddress {
  readonly state: string;
  /** The change takes place in one of these states only. */
  readonly expected?: readonly string[];
}

/** Selects runs. Times are milliseconds since the epoch; `offset` and `limit` count runs. */
export interface RunQuery {
  readonly workflowName?: string;
  readonly resourceId?: string;
  readonly status?: string;
  readonly from?: number;
  readonly to?: number;
  readonly offset: number;
  readonly limit: number;
}

/** One page of runs, and the number of those on all pages. */
export interface RunPage {
  /** The latest first. */
  readonly runs: readonly RunRow[];
  readonly total: number;
}
