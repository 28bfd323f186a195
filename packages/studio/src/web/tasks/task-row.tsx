import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  ArchiveIcon,
  ConfirmButton,
  EnvelopeIcon,
  ErrorNotice,
  RestoreIcon,
  TimeAgo,
  TrashIcon,
  useAnnounce,
} from "@holdfast/web-parts";
import { formatBytes } from "@holdfast/web-parts/format";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { memo } from "react";
import type { TaskMatch, TaskSummary } from "../../contract.ts";
import { baseName } from "../shared/base-name.ts";
import { useApi } from "../shared/context.ts";
import { hasAgent, StatusPill, UnsafeMark } from "../shared/status.tsx";
import { LabelTags } from "../shared/task-list/label-tags.tsx";
import { agentLabel } from "./agent-label.ts";
import { taskStorageQuery, useTaskAction } from "./queries.ts";

/** One task of the list. */
export const TaskRow = memo(function TaskRow({
  task,
  unread,
  match,
}: {
  readonly task: TaskSummary;
  readonly unread: boolean;
  readonly match: TaskMatch | undefined;
}) {
  return (
    <div
      className={unread ? "linked-row task-row task-row-unread" : "linked-row task-row"}
      data-task={task.id}
    >
      <StatusPill status={task.status} />
      <div className="task-row-main">
        <Link to="/tasks/$taskId" params={{ taskId: task.id }} className="linked-row-title task-row-title">
          {visibleText(task.title)}
        </Link>
        {unread && <span className="visually-hidden">Unread</span>}
        {task.unsafe && <UnsafeMark />}
        <LabelTags labels={task.labels} />
        {task.on !== undefined && (
          <span className="task-row-on" title="Stacked on this task">
            on{" "}
            <Link to="/tasks/$taskId" params={{ taskId: task.on.taskId }}>
              {visibleText(task.on.title)}
            </Link>
          </span>
        )}
        {task.error !== undefined && <p className="task-row-error">{visibleText(task.error.message)}</p>}
        {match !== undefined && match.kind !== "title" && match.kind !== "label" && <Match match={match} />}
      </div>
      <p className="task-row-meta">
        <span className="task-row-repository" title={task.repository}>
          {baseName(task.repository)}
        </span>
        <span>{agentLabel(task)}</span>
        {task.owner !== undefined && (
          <span className="task-row-person" title={`Owned by ${visibleText(task.owner.name)}`}>
            {visibleText(task.owner.name)}
          </span>
        )}
        <TimeAgo at={task.updatedAt} />
      </p>
      <RowActions task={task} unread={unread} />
    </div>
  );
});

/** Where the words of a search were found. */
function Match({ match: { kind, parts } }: { readonly match: TaskMatch }) {
  return (
    <p className="task-row-match">
      <span className="muted">{kind === "prompt" ? "Prompt: " : "Transcript: "}</span>
      {parts.map((part, index) =>
        // The parts of a passage have no identity of their own, and never move.
        index % 2 === 1 ? <mark key={index}>{visibleText(part)}</mark> : visibleText(part),
      )}
    </p>
  );
}

/** Its buttons: read or unread, archive or restore, delete. */
export function RowActions({ task, unread }: { readonly task: TaskSummary; readonly unread: boolean }) {
  const isArchived = task.archivedAt !== undefined;
  const mark = useTaskAction(unread ? "read" : "unread");
  const move = useTaskAction(isArchived ? "restore" : "archive");
  const announce = useAnnounce();
  const error = move.error ?? mark.error;
  return (
    <div className="task-row-actions">
      <RowButton
        action="mark"
        label={unread ? "Mark as read" : "Mark as unread"}
        title={task.title}
        onClick={() => mark.mutate(task.id)}
        icon={<EnvelopeIcon isOpen={unread} />}
      />
      <RowButton
        action="move"
        label={isArchived ? "Restore" : "Archive"}
        title={task.title}
        disabled={move.isPending || (!isArchived && hasAgent(task))}
        onClick={() =>
          move.mutate(task.id, {
            onSuccess: () => announce(isArchived ? "The task was restored." : "The task was archived."),
          })
        }
        icon={isArchived ? <RestoreIcon /> : <ArchiveIcon />}
      />
      {isArchived && <DeleteButton task={task} />}
      {error !== null && (
        <p className="task-row-error" role="alert">
          {error.message}
        </p>
      )}
    </div>
  );
}

function RowButton({
  action,
  label,
  title,
  icon,
  disabled = false,
  onClick,
}: {
  /** By which a key finds it. */
  readonly action: "mark" | "move";
  readonly label: string;
  readonly title: string;
  readonly icon: ReactNode;
  readonly disabled?: boolean;
  readonly onClick: () => void;
}) {
  return (
    <button
      type="button"
      className="icon-button task-row-button"
      data-action={action}
      title={label}
      aria-label={`${label}: ${visibleText(title)}`}
      disabled={disabled}
      onClick={onClick}
    >
      {icon}
    </button>
  );
}

function DeleteButton({ task }: { readonly task: TaskSummary }) {
  const { organization } = useApi();
  const announce = useAnnounce();
  return (
    <ConfirmButton
      className="icon-button task-row-button"
      label={<TrashIcon />}
      accessibleLabel={`Delete: ${visibleText(task.title)}`}
      title="Delete this task?"
      confirmLabel="Delete for good"
      onConfirm={async () => {
        const { filesBytes, transcriptBytes } = await organization.deleteTask(task.id);
        announce(`The task was deleted. ${formatBytes(filesBytes + transcriptBytes)} are free again.`);
      }}
    >
      <p>
        <strong>{visibleText(task.title)}</strong>
      </p>
      <Storage taskId={task.id} />
      <p>Branches that were applied to your repository stay. A deletion cannot be undone.</p>
    </ConfirmButton>
  );
}

/** What a deletion frees. */
function Storage({ taskId }: { readonly taskId: string }) {
  const { data, error } = useQuery(taskStorageQuery(useApi(), taskId));
  if (error !== null) return <ErrorNotice error={error} title="The size is not known." />;
  if (data === undefined) return <p className="muted">Counting its files…</p>;
  const files = `${data.isComplete ? "" : "at least "}${formatBytes(data.filesBytes)}`;
  return (
    <p>
      This frees {files} of files and {formatBytes(data.transcriptBytes)} of its transcript.
    </p>
  );
}
