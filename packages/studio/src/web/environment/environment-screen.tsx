/** Environment of a repository: what it asks for, its preparation, and the output of the steps. */
import { HoldfastError } from "@holdfast/core";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  Empty,
  ErrorNotice,
  Loading,
  RefreshIcon,
  Status,
  type StatusKind,
  useNow,
  usePageTitle,
} from "@holdfast/web-parts";
import { formatDuration } from "@holdfast/web-parts/format";
import { useQuery } from "@tanstack/react-query";
import type {
  EnvironmentStepView,
  EnvironmentView,
  RepositoryEnvironment,
  TaskError,
} from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { FailedStep } from "../shared/failed-step/failed-step.tsx";
import { environmentQuery, useEnvironmentLive, usePrepare, useStopPreparation } from "./queries.ts";
import { stateOf } from "./state.ts";
import "./environment.css";

export function EnvironmentScreen({ path }: { readonly path: string }) {
  usePageTitle("Environment");
  const api = useApi();
  const query = useQuery(environmentQuery(api, path));
  useEnvironmentLive(path, query.data?.latest?.id);
  return (
    <div className="page environment-page">
      <div className="page-head">
        <h1>Environment</h1>
        {query.data?.id !== undefined && <Buttons path={path} found={query.data} />}
      </div>
      <p className="environment-repository mono">{visibleText(query.data?.repository ?? path)}</p>
      {path === "" && <Empty title="No repository is chosen">Choose one in the form for a new task.</Empty>}
      {query.isLoading && <Loading label="Reading the environment" rows={4} />}
      {query.isError && query.data === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      {query.data !== undefined && <Found found={query.data} />}
    </div>
  );
}

function Buttons({ path, found }: { readonly path: string; readonly found: RepositoryEnvironment }) {
  const prepare = usePrepare(path);
  const stop = useStopPreparation(path);
  const { kind } = stateOf(found);
  if (kind === "preparing") {
    return (
      <button
        type="button"
        className="button"
        disabled={stop.isPending}
        onClick={() => stop.mutate(found.id ?? "")}
      >
        Stop
      </button>
    );
  }
  return (
    <div className="environment-buttons">
      <button
        type="button"
        className="button"
        disabled={prepare.isPending}
        onClick={() => prepare.mutate({ again: true })}
      >
        <RefreshIcon />
        {found.latest === undefined ? "Prepare now" : "Prepare again"}
      </button>
      {prepare.isError && <ErrorNotice error={prepare.error} title="The preparation did not begin." />}
    </div>
  );
}

function Found({ found }: { readonly found: RepositoryEnvironment }) {
  const state = stateOf(found);
  if (found.source === undefined) {
    return (
      <Empty title="This repository has no environment">
        Tasks start from a plain clone. Describe what they need in <code>.holdfast/environment.yaml</code>,
        and commit it.
      </Empty>
    );
  }
  return (
    <>
      <p className="environment-state" role="status">
        <Status kind={state.kind} label={state.label} />
        <span>
          as <code>{found.source}</code> says
          {found.preparedBy !== undefined && `, on the node ${visibleText(found.preparedBy)}`}
        </span>
      </p>
      {found.problem !== undefined && (
        <ErrorNotice error={errorOf(found.problem)} title="The file cannot be used." />
      )}
      {found.latest?.error !== undefined && (
        <ErrorNotice error={errorOf(found.latest.error)} title="The environment could not be prepared." />
      )}
      <List title="Prepared again when these change" entries={[found.source, ...(found.inputs ?? [])]} />
      <List title="Services beside each agent" entries={found.services ?? []} />
      <List title="Not supported" entries={found.notSupported ?? []} />
      {found.latest === undefined ? (
        <List title="Steps" entries={found.steps ?? []} />
      ) : (
        <Steps preparation={found.latest} />
      )}
    </>
  );
}

function List({ title, entries }: { readonly title: string; readonly entries: readonly string[] }) {
  if (entries.length === 0) return null;
  return (
    <section className="environment-list">
      <h2>{title}</h2>
      <ul>
        {entries.map((entry) => (
          <li key={entry}>
            <code>{visibleText(entry)}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Steps({ preparation }: { readonly preparation: EnvironmentView }) {
  return (
    <section className="environment-steps">
      <h2>Steps</h2>
      <ol>
        {preparation.steps.map((step, index) => (
          <li key={index}>
            <Step step={step} />
            {step.state === "failed" && isStepFailure(preparation.error) && (
              <FailedStep key={preparation.startedAt} environment={preparation.id} />
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

const stepStates: Readonly<
  Record<EnvironmentStepView["state"], { readonly kind: StatusKind; readonly label: string }>
> = {
  waiting: { kind: "idle", label: "Waiting" },
  running: { kind: "running", label: "Running" },
  done: { kind: "idle", label: "Done" },
  failed: { kind: "failed", label: "Failed" },
};

function Step({ step }: { readonly step: EnvironmentStepView }) {
  const { kind, label } = stepStates[step.state];
  const cut = step.outputEnd - step.output.length;
  return (
    <details open={step.state === "running" || step.state === "failed"}>
      <summary>
        <strong>{visibleText(step.name)}</strong>
        <Status kind={kind} label={label} />
        <Duration step={step} />
      </summary>
      {cut > 0 && <p className="field-help">The first {cut} characters are left out.</p>}
      {step.output === "" ? (
        <p className="field-help">No output.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long output is scrolled by keyboard.
        <pre className="environment-output" tabIndex={0}>
          {visibleText(step.output)}
        </pre>
      )}
    </details>
  );
}

function Duration({ step }: { readonly step: EnvironmentStepView }) {
  const now = useNow(1_000);
  if (step.startedAt === undefined) return null;
  return (
    <span className="environment-duration">{formatDuration((step.endedAt ?? now) - step.startedAt)}</span>
  );
}

/** True for the failure of a step itself, whose files are kept. */
function isStepFailure(error: TaskError | undefined): boolean {
  return error?.code === "step_failed" || error?.code === "step_timed_out";
}

function errorOf({ group, code, message }: TaskError): HoldfastError {
  return new HoldfastError(group, code, message);
}
