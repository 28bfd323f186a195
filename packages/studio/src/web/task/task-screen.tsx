/** One task: header, conversation, plan, and the review of its changes. */
import {
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
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { TaskView } from "../../contract.ts";
import { Changes } from "../review/changes.tsx";
import { useApi } from "../shared/context.ts";
import { useTaskLive } from "../shared/live.ts";
import { refetchActive, taskQuery } from "../shared/queries.ts";
import { isBusy, statusLabel } from "../shared/status.tsx";
import { Conversation } from "./conversation.tsx";
import { useMarkRead } from "./mark-read.ts";
import { TaskHeader } from "./task-header.tsx";
import { useSessionLog } from "./transcript/use-session.ts";

export function TaskScreen({ taskId }: { readonly taskId: string }) {
  const api = useApi();
  const query = useQuery(taskQuery(api, taskId));
  useTaskLive(taskId);
  useMarkRead(taskId);
  usePageTitle(query.data === undefined ? "Task" : pageTitle(query.data));
  if (query.data !== undefined) return <Workspace task={query.data} />;
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

/** Conversation and changes side by side, or one at a time on a narrow screen. */
function Workspace({ task }: { readonly task: TaskView }) {
  const wide = useMediaQuery("(min-width: 75rem)");
  const [tab, setTab] = useState<"conversation" | "changes">("conversation");
  const log = useSessionLog(task.sessionId);
  useStatusAnnouncements(task);
  useFreshDiff(task);
  const conversation = <Conversation task={task} log={log} />;
  const changes = <Changes task={task} />;
  const asks = tab !== "conversation" && task.approvals.length > 0 ? "needs you" : undefined;
  return (
    <div className={wide ? "workspace workspace-wide" : "workspace"}>
      <TaskHeader task={task} />
      {wide ? (
        <div className="panes">
          <section className="pane" aria-label="Conversation">
            {conversation}
          </section>
          <section className="pane pane-changes" aria-label="Changes">
            {changes}
          </section>
        </div>
      ) : (
        <>
          <TabStrip
            label="Views of the task"
            tabs={[
              { id: "conversation", label: "Conversation", mark: asks },
              { id: "changes", label: "Changes" },
            ]}
            tab={tab}
            onChange={setTab}
          />
          <TabPanel tab={tab} className="pane">
            {tab === "conversation" ? conversation : changes}
          </TabPanel>
        </>
      )}
    </div>
  );
}

/** Announces the end of a turn and failures; approvals announce themselves. */
function useStatusAnnouncements(task: TaskView): void {
  const announce = useAnnounce();
  const previous = usePrevious(task.status);
  useEffect(() => {
    if (previous === undefined || previous === task.status) return;
    if (task.status === "failed") announce(`Failed: ${task.error?.message ?? ""}`, "assertive");
    else if (task.status !== "waiting") announce(statusLabel(task.status));
  }, [announce, previous, task.status, task.error]);
}

/** Changes are refetched whenever the agent stops or waits for an answer. */
function useFreshDiff(task: TaskView): void {
  const queries = useQueryClient();
  const previous = usePrevious(task.status);
  const { id, status } = task;
  useEffect(() => {
    if (previous === undefined || previous === status) return;
    if (!isBusy(status) || status === "waiting") {
      void refetchActive(queries, ["diff", id]);
    }
  }, [id, previous, queries, status]);
}
