/** Access to a port in the jail of a task: the answer of `POST /tasks/TASK/previews/PORT`. */
export interface PreviewView {
  /** For a frame: works once, within a minute. */
  readonly url: string;
  /** When the access ends, unless it is asked for again. */
  readonly expiresAt: number;
}
