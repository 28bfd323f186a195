/** The checks of a task beside its changes: their results, their output, and the places that it names. */
import { ErrorNotice, StopIcon } from "@holdfast/web-parts";
import { useEffect } from "react";
import type { CheckRun, TaskView } from "../../../contract.ts";
import { isBusy } from "../../shared/status.tsx";
import { CheckRow, isOpen } from "./check-row.tsx";
import { useChecks } from "./checks-query.ts";
import type { FocusedCheck, Place } from "./place.ts";
import { revealCheck } from "./reveal-check.ts";
import "./checks.css";

export function Checks({
  task,
  focused,
  onShow,
  onOpenFile,
}: {
  readonly task: TaskView;
  /** Shows a line among the changes. Returns false if it is not among them. */
  readonly onShow: (place: Place) => boolean;
  readonly onOpenFile: (place: Place) => void;
  /** A check to show; each object is shown once. */
  readonly focused: FocusedCheck | undefined;
}) {
  const controls = useChecks(task.id, task.sessionId, task.status !== "preparing");
  const { query, run, stop, send } = controls;
  const view = query.data;
  const isShown = view !== undefined;
  useEffect(() => {
    if (isShown && focused !== undefined) revealCheck(focused.name);
  }, [isShown, focused]);
  if (view === undefined)
    return query.isError ? (
      <ErrorNotice
        error={query.error}
        title="The checks could not be loaded."
        onRetry={() => void query.refetch()}
      />
    ) : null;
  if (view.problem !== undefined)
    return <p className="field-help checks-note">No checks. {view.problem.message}</p>;
  if (view.checks.length === 0)
    return (
      <p className="field-help checks-note">
        <span>
          No checks. Name the commands for tests, lint and types under <code>checks</code> in{" "}
          <code>.holdfast/environment.yaml</code>, and commit it.
        </span>
      </p>
    );
  const runs = view.checks.map(({ runs: [newest] }) => newest);
  const isRunning = runs.some((each) => each !== undefined && isOpen(each));
  const busy = isBusy(task.status);
  const error = run.error ?? stop.error ?? send.error;
  return (
    <section className="checks" aria-label="Checks">
      <div className="checks-head">
        <h3>Checks</h3>
        <p className="muted">{summaryOf(runs)}</p>
        {isRunning ? (
          <button
            type="button"
            className="button button-small"
            disabled={stop.isPending}
            onClick={() => stop.mutate()}
          >
            <StopIcon />
            Stop
          </button>
        ) : (
          <button
            type="button"
            className="button button-small"
            disabled={busy || run.isPending}
            title={busy ? "Available when the agent has finished." : undefined}
            onClick={() => run.mutate(view.checks.map(({ name }) => name))}
          >
            Run all
          </button>
        )}
      </div>
      <ul>
        {view.checks.map((check) => (
          <CheckRow
            key={check.name}
            task={task}
            check={check}
            controls={controls}
            onShow={onShow}
            onOpenFile={onOpenFile}
          />
        ))}
      </ul>
      {error !== null && <ErrorNotice error={error} />}
    </section>
  );
}

/** What is known of the files as they are now. */
function summaryOf(runs: readonly (CheckRun | undefined)[]): string {
  const fresh = runs.filter((run) => run !== undefined && run.staleAt === undefined);
  const count = (state: (run: CheckRun) => boolean) =>
    fresh.filter((run) => run !== undefined && state(run)).length;
  const running = count(isOpen);
  const failed = count(({ state }) => state === "failed" || state === "timed-out");
  const passed = count(({ state }) => state === "passed");
  if (running > 0) return `${running} running or waiting`;
  if (failed > 0) return `${failed} of ${runs.length} failed`;
  if (passed === runs.length) return "all passed on these files";
  return passed > 0 ? `${passed} of ${runs.length} passed on these files` : "not run on these files";
}
