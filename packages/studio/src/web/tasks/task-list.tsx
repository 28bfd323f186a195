import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { TimeAgo } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import type { TaskSummary } from "../../contract.ts";
import { baseName } from "../shared/base-name.ts";
import { StatusPill, UnsafeMark } from "../shared/status.tsx";

export function TaskList({ tasks }: { readonly tasks: readonly TaskSummary[] }) {
  return (
    <ul className="task-list">
      {tasks.map((task) => (
        <TaskRow key={task.id} task={task} />
      ))}
    </ul>
  );
}

const TaskRow = memo(function TaskRow({ task }: { readonly task: TaskSummary }) {
  return (
    <li className="linked-row task-row" data-task={task.id}>
      <StatusPill status={task.status} />
      <div className="task-row-main">
        <Link to="/tasks/$taskId" params={{ taskId: task.id }} className="linked-row-title task-row-title">
          {visibleText(task.title)}
        </Link>
        {task.unsafe && <UnsafeMark />}
        {task.error !== undefined && <p className="task-row-error">{visibleText(task.error.message)}</p>}
      </div>
      <p className="task-row-meta">
        <span className="task-row-repository" title={task.repository}>
          {baseName(task.repository)}
        </span>
        <span>{task.agent}</span>
        <TimeAgo at={task.updatedAt} />
      </p>
    </li>
  );
});
