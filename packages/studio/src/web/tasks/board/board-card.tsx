import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { TimeAgo } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import type { TaskSummary } from "../../../contract.ts";
import { baseName } from "../../shared/base-name.ts";
import { UnsafeMark } from "../../shared/status.tsx";
import { LabelTags } from "../../shared/task-list/label-tags.tsx";
import { agentLabel } from "../agent-label.ts";
import { RowActions } from "../task-row.tsx";

/** One task of the board. Its column says its state. */
export const BoardCard = memo(function BoardCard({
  task,
  unread,
}: {
  readonly task: TaskSummary;
  readonly unread: boolean;
}) {
  return (
    <div
      className={unread ? "linked-row task-row board-card task-row-unread" : "linked-row task-row board-card"}
      data-task={task.id}
    >
      <p className="board-title">
        <Link to="/tasks/$taskId" params={{ taskId: task.id }} className="linked-row-title task-row-title">
          {visibleText(task.title)}
        </Link>
        {unread && <span className="visually-hidden">Unread</span>}
      </p>
      {task.on !== undefined && (
        <p className="board-on" title="Stacked on this task">
          on{" "}
          <Link to="/tasks/$taskId" params={{ taskId: task.on.taskId }}>
            {visibleText(task.on.title)}
          </Link>
        </p>
      )}
      {task.error !== undefined && <p className="task-row-error">{visibleText(task.error.message)}</p>}
      <p className="board-meta">
        <LabelTags labels={task.labels} />
        <span title={task.repository}>{baseName(task.repository)}</span>
        <span>{agentLabel(task)}</span>
        <TimeAgo at={task.updatedAt} />
        {task.unsafe && <UnsafeMark />}
      </p>
      <RowActions task={task} unread={unread} />
    </div>
  );
});
