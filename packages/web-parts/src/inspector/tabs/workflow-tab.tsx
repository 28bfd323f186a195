import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { formatClock, formatDateTime } from "../../format.ts";
import { ConfirmButton, Empty, ErrorNotice, Loading } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import { useActorMutation, workflowQuery } from "../api/queries.ts";
import type { WorkflowEntry, WorkflowEntryFacts, WorkflowHistory, WorkflowView } from "../api/types.ts";
import { entryDepth, entryKindLabel, entryName } from "../api/workflow.ts";
import { TextField } from "../parts/fields.tsx";
import { Value } from "../parts/value.tsx";

const ended = new Set(["completed", "failed", "cancelled"]);

/** The steps of the workflow, and a way to replay from each of them. */
export function WorkflowTab() {
  const { address } = useOpenActor();
  const query = useQuery(workflowQuery(address));
  const heading = useId();
  if (query.isPending) return <Loading label="Loading the workflow" rows={5} />;
  if (query.isError) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  const view = query.data;
  const entries = view.history?.entries ?? [];
  return (
    <>
      <div className="panel-head">
        <h2 id={heading}>
          Workflow{" "}
          <span className={`status status-workflow-${view.workflowState}`} data-workflow={view.workflowState}>
            <span className="status-dot" aria-hidden="true" />
            {(view.workflowState ?? "not started").replaceAll("_", " ")}
          </span>
        </h2>
        <WorkflowActions view={view} />
      </div>
      <WorkflowResult view={view} />
      {view.history === null || entries.length === 0 ? (
        <Empty title="No entry yet">Each step of the workflow appears here as it is recorded.</Empty>
      ) : (
        <ol className="timeline" aria-labelledby={heading}>
          {entries.map((entry) => (
            <EntryRow
              key={entry.id}
              entry={entry}
              history={view.history as WorkflowHistory}
              facts={view.history?.entryMetadata[entry.id]}
            />
          ))}
        </ol>
      )}
    </>
  );
}

function WorkflowActions({ view }: { readonly view: WorkflowView }) {
  const { address, api } = useOpenActor();
  const [reason, setReason] = useState("");
  const replay = useActorMutation(address, () => api.replay(), "workflow");
  return (
    <div className="panel-deeds">
      <ConfirmButton
        label="Replay"
        accessibleLabel="Replay from the beginning"
        title="Replay the complete workflow?"
        confirmLabel="Replay"
        onConfirm={() => replay.mutateAsync(undefined)}
      >
        <p>The complete history is deleted, and the workflow starts again. The state of the actor stays.</p>
      </ConfirmButton>
      <ConfirmButton
        label="Cancel"
        accessibleLabel="Cancel the workflow"
        title="Cancel the workflow?"
        confirmLabel="Cancel workflow"
        disabled={view.workflowState === null || ended.has(view.workflowState)}
        onConfirm={() => api.cancelWorkflow(reason.trim())}
      >
        <p>It stops at its current step, and its rollbacks run.</p>
        <TextField label="Reason" value={reason} onChange={setReason} />
      </ConfirmButton>
    </div>
  );
}

/** Input, output and failure, if there are any. */
function WorkflowResult({ view }: { readonly view: WorkflowView }) {
  const shown = (["input", "output", "error"] as const).filter((name) => view[name] !== undefined);
  if (shown.length === 0) return null;
  return (
    <dl className="row-facts box">
      {shown.map((name) => (
        <div key={name} className="row-fact">
          <dt>{{ input: "Input", output: "Output", error: "Error" }[name]}</dt>
          <dd>
            <Value value={view[name]} label={name} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function EntryRow({
  entry,
  history,
  facts,
}: {
  readonly entry: WorkflowEntry;
  readonly history: WorkflowHistory;
  readonly facts: WorkflowEntryFacts | undefined;
}) {
  const { address, api } = useOpenActor();
  const replay = useActorMutation(address, () => api.replay(entry.id), "workflow");
  const name = visibleText(entryName(history, entry));
  const status = facts?.status ?? "pending";
  const { error: _, ...record } = entry.kind.val;
  const detail = Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined && value !== null),
  );
  return (
    <li
      className={`timeline-entry timeline-${status}`}
      data-entry={name}
      data-status={status}
      data-depth={Math.min(6, entryDepth(entry))}
    >
      <div className="row-main">
        <p className="row-title">
          {name} <span className="tag">{entryKindLabel(entry)}</span>{" "}
          <span className={`status status-entry-${status}`}>{status.replaceAll("_", " ")}</span>
        </p>
        {facts !== undefined && <Times facts={facts} />}
        {facts?.error != null && <p className="row-error">{visibleText(facts.error)}</p>}
        {facts?.rollbackError != null && (
          <p className="row-error">The rollback failed: {visibleText(facts.rollbackError)}</p>
        )}
        {Object.keys(detail).length > 0 && <Value value={detail} label={`Record of ${name}`} />}
      </div>
      <ConfirmButton
        label="Replay"
        accessibleLabel={`Replay from ${name}`}
        title={`Replay from ${name}?`}
        confirmLabel="Replay"
        onConfirm={() => replay.mutateAsync(undefined)}
      >
        <p>This entry and all later ones are deleted and run again. The state of the actor stays.</p>
      </ConfirmButton>
    </li>
  );
}

function Times({ facts }: { readonly facts: WorkflowEntryFacts }) {
  const { createdAt, completedAt, attempts, rollbackCompletedAt } = facts;
  return (
    <p className="row-meta">
      <time dateTime={new Date(createdAt).toISOString()} title={formatDateTime(createdAt)}>
        {formatClock(createdAt)}
      </time>
      {completedAt !== null && <>, took {Math.max(0, completedAt - createdAt)} ms</>}
      {attempts > 0 && (
        <>
          , {attempts} {attempts === 1 ? "attempt" : "attempts"}
        </>
      )}
      {rollbackCompletedAt !== null && <>, rolled back {formatClock(rollbackCompletedAt)}</>}
    </p>
  );
}
