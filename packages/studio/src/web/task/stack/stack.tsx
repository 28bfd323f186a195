/** The stack of a task: its chain, a newer base, and the way to one more task on top. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, WarningIcon } from "@holdfast/web-parts";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import type { TaskStack, TaskView } from "../../../contract.ts";
import { emptyDraft, taskDraft } from "../../shared/new-task/task-draft.ts";
import { useRebase } from "../../shared/stack/use-rebase.ts";
import { isBusy } from "../../shared/status.tsx";
import "./stack.css";

/** The tasks below and above this one, in the order of the stack. */
export function StackChain({ task, stack }: { readonly task: TaskView; readonly stack: TaskStack }) {
  const { parent, children } = stack;
  return (
    <nav className="stack-chain" aria-label="Stack">
      <ol>
        {parent !== undefined && (
          <li>
            <Link to="/tasks/$taskId" params={{ taskId: parent.taskId }}>
              {visibleText(parent.title)} <span className="muted">#{parent.number}</span>
            </Link>
          </li>
        )}
        <li aria-current="page">{visibleText(task.title)}</li>
        {children.map(({ taskId, title }) => (
          <li key={taskId}>
            <Link to="/tasks/$taskId" params={{ taskId }}>
              {visibleText(title)}
            </Link>
          </li>
        ))}
      </ol>
    </nav>
  );
}

/** Says that the branch below has changed, what does not fit, and what can be done. */
export function StackState({ task, stack }: { readonly task: TaskView; readonly stack: TaskStack }) {
  const { onto, conflicts, error, parent } = stack;
  const { rebase, resolve } = useRebase(task.id);
  if (onto === undefined) {
    if (parent?.state !== "closed") return null;
    return (
      <p className="field-warning stack-closed">
        <WarningIcon />
        <span>
          #{parent.number}, below this task, was closed without a merge. This task is still based on its
          branch.
        </span>
      </p>
    );
  }
  const busy = isBusy(task.status);
  const isWorking = rebase.isPending || resolve.isPending;
  return (
    <section className="stack-state" aria-label="Newer base">
      <p className="field-warning">
        <WarningIcon />
        <span>
          {conflicts === undefined ? (
            <>
              <code>{onto}</code> has newer commits.{" "}
              {busy ? "The task moves there when the agent has finished." : "The task is not there yet."}
            </>
          ) : (
            <>
              <code>{onto}</code> has changed the same lines as this task:{" "}
              {conflicts.map((path) => visibleText(path)).join(", ")}. Nothing was changed here.
            </>
          )}
          {error !== undefined && ` ${error.message}`}
        </span>
      </p>
      <div className="stack-actions">
        {conflicts !== undefined && (
          <button
            type="button"
            className="button button-small button-primary"
            disabled={busy || isWorking}
            onClick={() => resolve.mutate()}
          >
            {resolve.isPending ? "Asking…" : "Ask the agent to resolve"}
          </button>
        )}
        <button
          type="button"
          className="button button-small"
          disabled={busy || isWorking}
          onClick={() => rebase.mutate()}
        >
          {rebase.isPending ? "Rebasing…" : conflicts === undefined ? "Rebase now" : "Try again"}
        </button>
      </div>
      {rebase.isError && <ErrorNotice error={rebase.error} title="The task was not moved." />}
      {resolve.isError && <ErrorNotice error={resolve.error} title="The agent was not asked." />}
    </section>
  );
}

/** Opens the form for a new task that starts from the branch of this one. */
export function StackOnButton({ task }: { readonly task: TaskView }) {
  const navigate = useNavigate();
  const onTask = useMemo(() => ({ taskId: task.id, title: task.title }), [task.id, task.title]);
  if (task.pullRequest?.state !== "open") return null;
  const { repository } = task.pullRequest;
  return (
    <button
      type="button"
      className="link-button"
      title="A new task that starts from the branch of this one, and follows it"
      onClick={() => {
        taskDraft().change((draft) => ({
          ...draft,
          repository: { ...emptyDraft.repository, path: repository, onTask },
        }));
        void navigate({ to: "/", hash: "new-task" });
      }}
    >
      Stack a task
    </button>
  );
}
