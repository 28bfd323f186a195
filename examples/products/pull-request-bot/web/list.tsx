/** The list of jobs, newest first. */
import type { Summary } from "../report.ts";

const words: Readonly<Record<Summary["status"], string>> = {
  queued: "Waiting",
  running: "Working",
  done: "Pull request",
  unchanged: "No change",
  failed: "Failed",
  cancelled: "Stopped",
};

export function Status({ status }: { status: Summary["status"] }) {
  return (
    <span className="status" data-status={status}>
      {words[status]}
    </span>
  );
}

export function JobList({ jobs, selected }: { jobs: readonly Summary[]; selected: string }) {
  return (
    <section className="jobs" aria-labelledby="jobs">
      <h1 id="jobs">Jobs</h1>
      {jobs.length === 0 ? (
        <p className="hint">
          No jobs yet. Give an issue the label <code>bot</code>, or comment <code>/fix</code> on it.
        </p>
      ) : (
        <ul>
          {jobs.map(({ id, title, status, delivery, createdAt }) => (
            <li key={id}>
              <a href={`#${id}`} aria-current={id === selected ? "page" : undefined}>
                <strong>{title}</strong>
                <Status status={status} />
                <small>
                  {delivery.repository}#{delivery.number}, {delivery.by}, <Time at={createdAt} />
                </small>
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function Time({ at }: { at: number }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const shown = isToday
    ? date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString();
  return <time dateTime={date.toISOString()}>{shown}</time>;
}
