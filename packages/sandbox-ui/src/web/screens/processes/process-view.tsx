import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { appPart, ConfirmButton, ErrorNotice, Loading, Status } from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useApi } from "../../api/context.ts";
import { keys } from "../../api/queries.ts";
import type { Process } from "../../api/types.ts";
import { describeState, formatCommand } from "./process-format.ts";
import { ProcessOutput } from "./process-output.tsx";

// The terminal emulator is half of the app, so it is loaded on demand.
const TerminalPane = lazy(appPart(() => import("./terminal-pane.tsx")));

export function ProcessView({ process }: { readonly process: Process }) {
  const { command, args, cwd, pid, createdAtMs, exitedAtMs, restarts } = process;
  return (
    <div className="process">
      <header className="session-head">
        <div className="session-name">
          <h1 className="mono">{visibleText(formatCommand({ command, args }))}</h1>
          <p className="row-line">
            <Status {...describeState(process)} />
            {typeof pid === "number" && process.status === "running" && (
              <span className="muted small">PID {pid}</span>
            )}
            {typeof cwd === "string" && <code className="muted">{cwd}</code>}
            <span className="muted small">
              started {formatDateTime(createdAtMs)}
              {typeof exitedAtMs === "number" && `, ended ${formatDateTime(exitedAtMs)}`}
              {restarts !== undefined && restarts > 0 && `, ${restarts} restarts`}
            </span>
          </p>
        </div>
        <ProcessActions process={process} />
      </header>
      {process.survivor === true && (
        <p className="notice notice-warning">
          This process survived a restart of its server. You can stop it, but its input and output are no
          longer available.
        </p>
      )}
      {process.tty && process.status === "running" ? (
        <Suspense fallback={<Loading label="Loading the terminal" />}>
          <TerminalPane process={process} />
        </Suspense>
      ) : (
        <ProcessOutput process={process} />
      )}
    </div>
  );
}

function ProcessActions({ process }: { readonly process: Process }) {
  const { client } = useApi();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const onSettled = () => queries.invalidateQueries({ queryKey: keys.processes });
  const stop = useMutation({ mutationFn: () => client.stopProcess(process.id), onSettled });
  const kill = useMutation({ mutationFn: () => client.killProcess(process.id), onSettled });
  const ends = process.status === "running" || typeof process.restartAtMs === "number";
  const failed = stop.error ?? kill.error;
  return (
    <fieldset className="actions" aria-label="Process">
      {ends ? (
        <>
          <button
            type="button"
            className="button button-small"
            disabled={stop.isPending}
            onClick={() => stop.mutate()}
          >
            Stop
          </button>
          <button
            type="button"
            className="button button-small button-stop"
            disabled={kill.isPending}
            onClick={() => kill.mutate()}
          >
            Kill
          </button>
        </>
      ) : (
        <ConfirmButton
          label="Delete"
          title="Delete this process?"
          confirmLabel="Delete"
          onConfirm={async () => {
            await client.deleteProcess(process.id);
            await navigate({ to: "/processes", search: {} });
            await onSettled();
          }}
        >
          <p>Its output is deleted, too.</p>
        </ConfirmButton>
      )}
      {failed !== null && <ErrorNotice error={failed} />}
    </fieldset>
  );
}
