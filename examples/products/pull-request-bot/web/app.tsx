/** The page: sign-in, the list of jobs, and the job that the address names. */
import { useActorState } from "holdfast/react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import type { Summary, Usage } from "../report.ts";
import { useActor } from "./actors.ts";
import { JobPage } from "./job.tsx";
import { JobList } from "./list.tsx";
import { SignIn } from "./sign-in.tsx";

function App() {
  const [isSignedIn, setSignedIn] = useState<boolean>();
  useEffect(() => {
    const ask = async () => {
      const response = await fetch("/session");
      setSignedIn(((await response.json()) as { isSignedIn: boolean }).isSignedIn);
    };
    void ask().catch(() => setSignedIn(false));
  }, []);
  if (isSignedIn === undefined) return <p role="status">Loading</p>;
  if (!isSignedIn) return <SignIn onDone={() => setSignedIn(true)} />;
  const leave = async () => {
    await fetch("/session", { method: "DELETE" });
    location.reload();
  };
  return <Board onLeave={() => void leave()} />;
}

interface BoardState {
  readonly jobs: readonly Summary[];
  readonly usage: Usage;
}

function withJob(before: BoardState, job: Summary): BoardState {
  const isKnown = before.jobs.some(({ id }) => id === job.id);
  const jobs = isKnown ? before.jobs.map((each) => (each.id === job.id ? job : each)) : [job, ...before.jobs];
  return { ...before, jobs };
}

function Board({ onLeave }: { onLeave: () => void }) {
  const board = useActor({ name: "board", key: ["main"] });
  const { state, mutate } = useActorState(board, {
    load: async (handle): Promise<BoardState> => await handle.jobs(),
    on: {
      changed: (before, job) => withJob(before, job),
      used: (before, usage) => ({ ...before, usage }),
    },
  });
  const [error, setError] = useState("");
  const id = useSyncExternalStore(onHash, () => location.hash.slice(1));
  const run = async (doing: Promise<unknown>) => {
    setError("");
    await doing.catch((cause: unknown) => setError(cause instanceof Error ? cause.message : String(cause)));
  };
  const isLost = state !== undefined && !board.isConnected && board.error === null;
  return (
    <>
      <header className="bar">
        <a className="brand" href="#all">
          Pull request bot
        </a>
        {state !== undefined && <Meters {...state.usage} />}
        <button type="button" className="quiet" onClick={onLeave}>
          Sign out
        </button>
      </header>
      {board.error !== null && <p role="alert">{board.error.message}</p>}
      {error !== "" && <p role="alert">{error}</p>}
      {isLost && (
        <p role="status" className="banner">
          The connection is lost. Jobs go on; this page follows when it is back.
        </p>
      )}
      {state === undefined ? (
        <p role="status">Loading the jobs</p>
      ) : (
        <Jobs
          jobs={state.jobs}
          selected={id}
          onStop={(job) => void run(mutate((handle) => handle.cancel(job)))}
          onRetry={(job) => void run(mutate((handle) => handle.retry(job)))}
        />
      )}
    </>
  );
}

function Jobs(props: {
  jobs: readonly Summary[];
  selected: string;
  onStop: (id: string) => void;
  onRetry: (id: string) => void;
}) {
  const { jobs, selected, onStop, onRetry } = props;
  const job = jobs.find(({ id }) => id === selected);
  return (
    <main className={job === undefined ? "board" : "board with-job"}>
      <JobList jobs={jobs} selected={selected} />
      {job === undefined ? (
        jobs.length > 0 && <p className="hint">Choose a job to follow it.</p>
      ) : (
        <JobPage key={job.id} job={job} onStop={() => onStop(job.id)} onRetry={() => onRetry(job.id)} />
      )}
    </main>
  );
}

function Meters({ running, concurrency, jobsToday, jobsPerDay, dollarsToday, dollarsPerDay }: Usage) {
  const dollars = (value: number) => `$${value.toFixed(2)}`;
  return (
    <dl className="meters">
      <div>
        <dt>Running</dt>
        <dd>
          {running} of {concurrency}
        </dd>
      </div>
      <div>
        <dt>Today</dt>
        <dd>
          {jobsToday} of {jobsPerDay} jobs
        </dd>
      </div>
      <div>
        <dt>Spent</dt>
        <dd>
          {dollars(dollarsToday)} of {dollars(dollarsPerDay)}
        </dd>
      </div>
    </dl>
  );
}

function onHash(changed: () => void): () => void {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
