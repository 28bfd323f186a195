/** One task: header, conversation, plan, and the review of its changes. */
import {
  appPart,
  Empty,
  ErrorNotice,
  Loading,
  TabPanel,
  TabStrip,
  useAnnounce,
  useMediaQuery,
  usePageTitle,
  usePrevious,
} from "@holdfast/web-parts";
import { errorCode } from "@holdfast/web-parts/errors";
import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import type { TaskView } from "../../contract.ts";
import { Changes } from "../review/changes.tsx";
import { useApi } from "../shared/context.ts";
import { useTaskLive } from "../shared/live.ts";
import { taskQuery } from "../shared/queries.ts";
import { isBusy, statusLabel, waitsForStart } from "../shared/status.tsx";
import { stopsOf, turnKey } from "../shared/turn-ends.ts";
import { AttemptDiff } from "./attempts/attempt-diff.tsx";
import { Attempts } from "./attempts/attempts.tsx";
import { Conversation } from "./conversation.tsx";
import { useMarkRead } from "./mark-read.ts";
import { Plan } from "./plan.tsx";
import { SessionBar } from "./sessions/session-bar.tsx";
import { openSessions, shownSession, tabbedSessions, viewOfSession } from "./sessions/session-view.ts";
import { StatusLine } from "./status-line.tsx";
import { TaskHeader } from "./task-header.tsx";
import type { TaskTab } from "./task-tab.ts";
import type { SessionLogState } from "./transcript/session-log.ts";
import { useSessionLog } from "./transcript/use-session.ts";

/** Loaded when it is first opened. */
const Workspace = lazy(
  appPart(async () => {
    const part = await import("../workspace/workspace.tsx");
    return { default: part.Workspace };
  }),
);

interface TaskScreenProps {
  readonly taskId: string;
  readonly view: TaskTab;
  /** The session that was chosen. */
  readonly session: string | undefined;
  /** Without a session, that of before stays. */
  readonly onView: (view: TaskTab, session?: string) => void;
  readonly onSession: (id: string) => void;
}

export function TaskScreen({ taskId, ...shown }: TaskScreenProps) {
  const api = useApi();
  const query = useQuery(taskQuery(api, taskId));
  useTaskLive(taskId);
  useMarkRead(taskId);
  usePageTitle(query.data === undefined ? "Task" : pageTitle(query.data));
  if (query.data !== undefined) return <TaskViews task={query.data} {...shown} />;
  if (query.isPending) {
    return (
      <div className="page">
        <Loading label="Loading the task" rows={8} />
      </div>
    );
  }
  return (
    <div className="page page-narrow">
      {errorCode(query.error) === "actor.not_found" ? (
        <Empty heading title="Task not found">
          <Link to="/">View all tasks</Link>
        </Empty>
      ) : (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
    </div>
  );
}

/** Title of the browser tab; the number in front is visible among many tabs. */
function pageTitle({ status, title, approvals }: TaskView): string {
  const questions = approvals.length === 0 ? "" : `(${approvals.length}) `;
  return `${questions}${statusLabel(status)}: ${title}`;
}

/**
 * Conversation and changes side by side, or one at a time on a narrow screen; the workspace takes the place of both.
 */
function TaskViews({
  task,
  view,
  session: chosen,
  onView,
  onSession,
}: Omit<TaskScreenProps, "taskId"> & { readonly task: TaskView }) {
  const wide = useMediaQuery("(min-width: 75rem)");
  const session = shownSession(task, chosen);
  const log = useSessionLog(session?.id);
  const [check, setCheck] = useState<{ readonly name: string }>();
  const [place, setPlace] = useState<{ readonly path: string; readonly line: number }>();
  useStatusAnnouncements(task);
  useFreshDiff(task);
  // Both are side by side on a wide screen.
  const isDecided = view === "attempts" && task.attempts === undefined;
  const tab = isDecided || (wide && view === "changes") ? "conversation" : view;
  const asks = tab !== "conversation" && task.approvals.length > 0 ? "needs you" : undefined;
  if (session === undefined) return null;
  const shown = viewOfSession(task, session);
  const talk = <Conversation key={session.id} task={shown} log={log} closedAt={session.closedAt} />;
  const conversation = (
    <>
      <SessionBar task={task} session={session} onSession={onSession} />
      {tabbedSessions(task, session).length > 1 ? (
        <TabPanel tab={session.id} className="pane">
          {talk}
        </TabPanel>
      ) : (
        talk
      )}
    </>
  );
  // What is sent from here goes to the session that is shown, if it takes prompts.
  const target = session.closedAt === undefined ? session.id : (openSessions(task)[0]?.id ?? task.sessionId);
  const changes =
    session.isCopy === true ? (
      <div className="attempts">
        <AttemptDiff task={task} session={session} />
      </div>
    ) : (
      <Changes
        task={{ ...task, sessionId: target }}
        check={check}
        onOpenFile={(place) => {
          setPlace(place);
          onView("workspace");
        }}
      />
    );
  return (
    <div className={wide ? "workspace workspace-wide" : "workspace"}>
      <TaskHeader task={task} />
      <TabStrip<TaskTab>
        label="Views of the task"
        className={wide ? "tabs-wide" : ""}
        tabs={[
          { id: "conversation", label: wide ? "Conversation and changes" : "Conversation", mark: asks },
          ...(wide ? [] : [{ id: "changes", label: "Changes" } as const]),
          { id: "workspace", label: "Workspace" },
          ...(task.attempts === undefined
            ? []
            : [{ id: "attempts", label: "Attempts", count: task.attempts } as const]),
        ]}
        tab={tab}
        onChange={(next) => onView(next)}
      />
      <TabPanel tab={tab} className="pane">
        {tab === "attempts" ? (
          <Attempts task={task} onSession={(id) => onView("conversation", id)} />
        ) : tab === "workspace" ? (
          <Suspense fallback={<Loading label="Loading the workspace" rows={8} />}>
            <Workspace
              task={task}
              agent={<AgentProgress task={shown} log={log} />}
              place={place}
              onPrompt={() => onView("conversation")}
              onCheck={(name) => {
                setCheck({ name });
                onView("changes");
              }}
            />
          </Suspense>
        ) : wide ? (
          <div className="panes">
            <section className="pane" aria-label="Conversation">
              {conversation}
            </section>
            <section className="pane pane-changes" aria-label="Changes">
              {changes}
            </section>
          </div>
        ) : tab === "conversation" ? (
          conversation
        ) : (
          changes
        )}
      </TabPanel>
    </div>
  );
}

/** The plan and what was used so far, for where the conversation is not shown. */
function AgentProgress({ task, log }: { readonly task: TaskView; readonly log: SessionLogState }) {
  return (
    <>
      {log.transcript.plan.length > 0 && <Plan entries={log.transcript.plan} />}
      <StatusLine task={task} log={log} />
    </>
  );
}

/** Announces the end of a turn and failures; approvals announce themselves. */
function useStatusAnnouncements(task: TaskView): void {
  const announce = useAnnounce();
  const previous = usePrevious(task);
  useEffect(() => {
    if (previous === undefined || turnKey(previous) === turnKey(task)) return;
    // A session has ended its turn while others work.
    if (isBusy(task.status) && previous.status === task.status) return;
    if (task.status === "failed") announce(`Failed: ${task.error?.message ?? ""}`, "assertive");
    else if (waitsForStart(task)) announce(`Needs you: ${task.error?.message ?? ""}`, "assertive");
    else if (task.status !== "waiting") announce(statusLabel(task.status));
  }, [announce, previous, task]);
}

/** Changes are refetched whenever an agent stops or waits for an answer. */
function useFreshDiff({ id, sessions }: TaskView): void {
  const queries = useQueryClient();
  const known = useRef<ReadonlySet<string>>(undefined);
  useEffect(() => {
    const before = known.current;
    const stops = stopsOf(sessions);
    known.current = stops;
    if (before === undefined || [...stops].every((stop) => before.has(stop))) return;
    void refetchActive(queries, ["diff", id]);
  }, [id, queries, sessions]);
}
