import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, StopIcon } from "@holdfast/web-parts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { AttemptCheck, TaskSessionView, TaskView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { isBusy } from "../../shared/status.tsx";
import { attemptChecksQuery } from "./queries.ts";

/** Runs the checks of the environment in the files of each attempt. */
export function RunChecks({
  task,
  attempts,
}: {
  readonly task: TaskView;
  readonly attempts: readonly TaskSessionView[];
}) {
  const api = useApi();
  const queries = useQueryClient();
  const { queryKey } = attemptChecksQuery(api, task.id);
  const { data = {} } = useQuery(attemptChecksQuery(api, task.id));
  const isRunning = Object.values(data).some((checks) => checks.some(isOpen));
  const run = useMutation({
    mutationFn: () => api.task(task.id).runAttemptChecks(),
    onSuccess: (view) => void queries.setQueryData(queryKey, view),
  });
  const stop = useMutation({ mutationFn: () => api.task(task.id).stopChecks() });
  const busy = attempts.some(({ status }) => isBusy(status));
  return (
    <div className="attempt-checks-run">
      {isRunning ? (
        <button
          type="button"
          className="button button-small"
          disabled={stop.isPending}
          onClick={() => stop.mutate()}
        >
          <StopIcon />
          Stop the checks
        </button>
      ) : (
        <button
          type="button"
          className="button button-small"
          disabled={busy || run.isPending}
          title={busy ? "Available when all agents have finished." : undefined}
          onClick={() => run.mutate()}
        >
          Run checks for all
        </button>
      )}
      {run.isError && <ErrorNotice error={run.error} title="The checks were not run." />}
    </div>
  );
}

function isOpen({ state }: AttemptCheck): boolean {
  return state === "waiting" || state === "running";
}

/** The results of one attempt. `tree` is the state in which its files are. */
export function CheckResults({
  checks,
  tree,
}: {
  readonly checks: readonly AttemptCheck[];
  readonly tree: string | undefined;
}) {
  return (
    <ul className="attempt-checks" aria-label="Checks">
      {checks.map((check) => (
        <li key={check.name} data-check={check.state}>
          <span>
            {visibleText(check.name)}: {check.state === "timed-out" ? "timed out" : check.state}
          </span>{" "}
          <span className="muted">{factsOf(check)}</span>
          {check.tree !== undefined && tree !== undefined && check.tree !== tree && (
            <span className="tag tag-attention">files changed since</span>
          )}
          {check.output !== "" && (
            <details>
              <summary>Output</summary>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard. */}
              <pre className="attempt-output" tabIndex={0}>
                {visibleText(check.output)}
              </pre>
            </details>
          )}
        </li>
      ))}
    </ul>
  );
}

function factsOf({ startedAt, endedAt, reason, state }: AttemptCheck): string {
  const seconds =
    startedAt === undefined || endedAt === undefined
      ? ""
      : `${Math.max(0.1, Math.round((endedAt - startedAt) / 100) / 10)} s`;
  return [state === "failed" ? reason : undefined, seconds].filter(Boolean).join(", ");
}
