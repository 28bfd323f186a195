import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { AskButton, ConfirmButton, ErrorNotice, StopIcon, TabStrip, useAnnounce } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import type { TaskSessionView, TaskView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { isBusy, statusLabel } from "../../shared/status.tsx";
import { ClosedSessions } from "./closed-sessions.tsx";
import { NewSessionButton } from "./new-session.tsx";
import { useUnreadSessions } from "./queries.ts";
import { openSessions, tabbedSessions } from "./session-view.ts";

/**
 * The sessions of a task as tabs, and what can be done with the one that is shown. A task with one session has the
 * button for another one alone.
 */
export function SessionBar({
  task,
  session,
  onSession,
}: {
  readonly task: TaskView;
  readonly session: TaskSessionView;
  readonly onSession: (id: string) => void;
}) {
  const unread = useUnreadSessions(task, session);
  const tabs = tabbedSessions(task, session);
  return (
    <div className="session-bar">
      {tabs.length > 1 && (
        <TabStrip
          label="Sessions of the task"
          className="session-tabs"
          tabs={tabs.map((each) => ({
            id: each.id,
            label: visibleText(each.name),
            mark: markOf(each, unread.has(each.id)),
          }))}
          tab={session.id}
          onChange={onSession}
        />
      )}
      <div className="session-tools">
        {task.sessions.length > 1 && <SessionActions task={task} session={session} onSession={onSession} />}
        <ClosedSessions task={task} onSession={onSession} />
        <NewSessionButton task={task} onStarted={onSession} />
      </div>
    </div>
  );
}

/** What a tab says beside its name. */
function markOf(session: TaskSessionView, isUnread: boolean): string | undefined {
  if (session.closedAt !== undefined) return "closed";
  if (session.status === "waiting" || session.status === "failed")
    return statusLabel(session.status).toLowerCase();
  if (isUnread) return "new";
  return isBusy(session.status) ? "working" : undefined;
}

/** Stop, rename and close. */
function SessionActions({
  task,
  session,
  onSession,
}: {
  readonly task: TaskView;
  readonly session: TaskSessionView;
  readonly onSession: (id: string) => void;
}) {
  const api = useApi();
  const announce = useAnnounce();
  const { id, name } = session;
  const open = openSessions(task);
  const stop = useMutation({
    mutationFn: () => api.task(task.id).stop({ session: id }),
    onMutate: () => announce("Stopping."),
  });
  if (session.closedAt !== undefined) return null;
  const next = open.find((each) => each.id !== id);
  return (
    <>
      {isBusy(session.status) ? (
        <button
          type="button"
          className="button button-small"
          disabled={stop.isPending}
          aria-label={`Stop ${visibleText(name)}`}
          onClick={() => stop.mutate()}
        >
          <StopIcon />
          Stop this
        </button>
      ) : (
        next !== undefined && (
          <ConfirmButton
            label="Close"
            accessibleLabel={`Close ${visibleText(name)}`}
            title="Close this session?"
            confirmLabel="Close the session"
            onConfirm={async () => {
              await api.task(task.id).closeSession(id);
              announce("The session was closed.");
              onSession(next.id);
            }}
          >
            <p>
              Its agent ends, and it takes no more prompts. Its conversation can still be read, and its
              changes{" "}
              {session.isCopy === true
                ? "are deleted with its copy of the workspace. This cannot be undone."
                : "stay in the workspace."}
            </p>
          </ConfirmButton>
        )
      )}
      <AskButton
        label="Rename"
        accessibleLabel={`Rename ${visibleText(name)}`}
        title="Rename the session"
        field="Name"
        initial={name}
        confirmLabel="Rename"
        onConfirm={(text) => api.task(task.id).renameSession(id, text)}
      />
      {stop.isError && <ErrorNotice error={stop.error} title="The session was not stopped." />}
    </>
  );
}
