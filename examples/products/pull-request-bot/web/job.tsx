/** One job: where it is, what the agent does, and the change that it has made. */
import { useActorState } from "holdfast/react";
import { isEnded, type JobView, type NumberedLine, phases, type Summary } from "../report.ts";
import { useActor } from "./actors.ts";
import { Status } from "./list.tsx";
import { Log } from "./log.tsx";
import { Patch } from "./patch.tsx";

interface Loaded {
  readonly view: JobView;
  readonly lines: readonly NumberedLine[];
  readonly dropped: number;
}

/** The same number again is the same line with more text. */
function withLine(before: Loaded, line: NumberedLine): Loaded {
  const isMore = before.lines.at(-1)?.number === line.number;
  return { ...before, lines: [...(isMore ? before.lines.slice(0, -1) : before.lines), line] };
}

export function JobPage(props: { job: Summary; onStop: () => void; onRetry: () => void }) {
  const { job, onStop, onRetry } = props;
  const actor = useActor({ name: "job", key: [job.id] });
  const { state } = useActorState(actor, {
    load: async (handle): Promise<Loaded> => await handle.view(),
    on: { line: (before, line) => withLine(before, line), changed: (before, view) => ({ ...before, view }) },
  });
  const view = state?.view;
  const readPatch = async () => (await actor.connection?.patch()) ?? "";
  return (
    <article className="job" aria-labelledby="job">
      <a className="back" href="#all">
        All jobs
      </a>
      <Head job={job} isStopping={view?.isStopping === true} onStop={onStop} onRetry={onRetry} />
      <Phases job={job} view={view} />
      <h3 id="log">Log</h3>
      {state === undefined ? (
        <p role="status">Loading the log</p>
      ) : (
        <Log lines={state.lines} dropped={state.dropped} isLive={!isEnded(job.status)} />
      )}
      {view?.hasPatch && (
        <>
          <h3>Changes</h3>
          <Patch key={view.attempt} load={readPatch} />
        </>
      )}
    </article>
  );
}

function Head(props: { job: Summary; isStopping: boolean; onStop: () => void; onRetry: () => void }) {
  const { job, isStopping, onStop, onRetry } = props;
  const { delivery, status, attempt } = job;
  const how = delivery.trigger === "label" ? "labelled by" : "asked for by";
  return (
    <header>
      <h2 id="job">{job.title}</h2>
      <Status status={status} />
      <p className="origin">
        {delivery.repository}#{delivery.number}, {how} {delivery.by}
        {attempt > 1 && `, attempt ${attempt}`}
      </p>
      <div className="actions">
        {job.pullUrl !== undefined && (
          <a className="primary" href={job.pullUrl} rel="noreferrer">
            Review the pull request
          </a>
        )}
        {!isEnded(status) && (
          <button type="button" onClick={onStop} disabled={isStopping}>
            {isStopping ? "Stopping" : "Stop"}
          </button>
        )}
        {isEnded(status) && status !== "done" && (
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        )}
      </div>
    </header>
  );
}

const phaseWords: Readonly<Record<JobView["phase"], string>> = {
  prepare: "Prepare",
  agent: "Agent works",
  push: "Push",
  "pull request": "Pull request",
};

function Phases({ job: { status }, view }: { job: Summary; view: JobView | undefined }) {
  const current = view === undefined ? -1 : phases.indexOf(view.phase);
  const stateOf = (at: number) => {
    if (status === "done" || at < current) return "done";
    if (at > current) return "ahead";
    if (!isEnded(status)) return "here";
    return status === "unchanged" ? "ahead" : "stuck";
  };
  return (
    <ol className="phases" aria-label="Progress">
      {phases.map((phase, at) => (
        <li key={phase} data-state={stateOf(at)} aria-current={stateOf(at) === "here" ? "step" : undefined}>
          {phaseWords[phase]}
        </li>
      ))}
    </ol>
  );
}
