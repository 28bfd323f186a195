import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading, TimeAgo, useAnnounce } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { entryTitle } from "../../contract/inbox.ts";
import type { InboxEntry, InboxTask, TaskView } from "../../contract.ts";
import { baseName } from "../shared/base-name.ts";
import { useApi } from "../shared/context.ts";
import { useTaskLive } from "../shared/live.ts";
import { Offer } from "../shared/ownership/offer.tsx";
import { taskQuery } from "../shared/queries.ts";
import { StatusPill } from "../shared/status.tsx";
import { ApprovalCard } from "../task/approvals/approval-card.tsx";
import { ForkSecrets } from "../task/fork-secrets.tsx";
import { Message } from "../task/transcript/message.tsx";
import { ItemPreview } from "./item-preview.tsx";
import { lastWordsQuery } from "./last-words.ts";

/** The selected entry in full: the request with its answers, the last words of the task, or how the plan is paid. */
export function Preview({ entry, actions }: { readonly entry: InboxEntry; readonly actions: ReactNode }) {
  const { task, item } = entry;
  if (item !== undefined) return <ItemPreview {...{ entry, item, actions }} />;
  return task === undefined ? (
    <PaymentPreview entry={entry} actions={actions} />
  ) : (
    <TaskPreview entry={entry} task={task} actions={actions} />
  );
}

function PaymentPreview({ entry, actions }: { readonly entry: InboxEntry; readonly actions: ReactNode }) {
  return (
    <>
      <header className="inbox-preview-head">
        <h2>{entryTitle(entry)}</h2>
        <p className="inbox-preview-meta muted">
          <span>Plan of the organization</span>
          <TimeAgo at={entry.bumpedAt} />
        </p>
        {actions}
      </header>
      <p className={entry.payment === "paid" ? "notice" : "notice notice-error"}>{visibleText(entry.text)}</p>
    </>
  );
}

function TaskPreview({
  entry,
  task,
  actions,
}: {
  readonly entry: InboxEntry;
  readonly task: InboxTask;
  readonly actions: ReactNode;
}) {
  const api = useApi();
  useTaskLive(task.id);
  const query = useQuery(taskQuery(api, task.id));
  const view = query.data;
  return (
    <>
      <header className="inbox-preview-head">
        <h2>{visibleText(task.title)}</h2>
        <p className="inbox-preview-meta muted">
          {view !== undefined && <StatusPill status={view.status} />}
          <span title={task.repository}>{baseName(task.repository)}</span>
          <span>{task.agent}</span>
          {task.session !== undefined && <span>{visibleText(task.session.name)}</span>}
          <TimeAgo at={entry.bumpedAt} />
        </p>
        {actions}
      </header>
      {view === undefined ? (
        query.isError ? (
          <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <Loading label="Loading the task" />
        )
      ) : entry.kind === "asks" && entry.approvalId === undefined ? (
        view.fork?.secrets === "asked" ? (
          <ForkSecrets task={view} fork={view.fork} />
        ) : (
          <p className="notice">This question was answered.</p>
        )
      ) : entry.kind === "asks" ? (
        <Request taskId={task.id} approval={view.approvals.find(({ id }) => id === entry.approvalId)} />
      ) : (
        <Outcome
          entry={entry}
          task={view}
          sessionId={task.session?.id ?? view.sessionId}
          revision={view.status}
        />
      )}
    </>
  );
}

function Request({
  taskId,
  approval,
}: {
  readonly taskId: string;
  readonly approval: Parameters<typeof ApprovalCard>[0]["approval"] | undefined;
}) {
  const announce = useAnnounce();
  const [outcome, setOutcome] = useState<string>();
  const [undelivered, setUndelivered] = useState<unknown>();
  if (undelivered !== undefined)
    return <ErrorNotice error={undelivered} title="The answer was not accepted." />;
  if (outcome !== undefined || approval === undefined)
    return <p className="notice">{outcome ?? "This request was answered, or it expired."}</p>;
  return (
    <ApprovalCard
      taskId={taskId}
      approval={approval}
      position={undefined}
      onSubmit={() => {}}
      onUndelivered={setUndelivered}
      onAnswered={(words) => {
        announce(words);
        setOutcome(words);
      }}
    />
  );
}

function Outcome({
  entry,
  task,
  sessionId,
  revision,
}: {
  readonly entry: InboxEntry;
  readonly task: TaskView;
  readonly sessionId: string;
  readonly revision: string;
}) {
  const query = useQuery(lastWordsQuery(useApi(), sessionId, revision));
  return (
    <div className="inbox-outcome">
      {entry.kind === "ci-failed" && (
        <p className="notice notice-error">
          A check of {visibleText(entry.text)} failed. Open the task to see which, and to send it to the
          agent.
        </p>
      )}
      {entry.kind === "failed" && <p className="notice notice-error">{visibleText(entry.text)}</p>}
      {entry.kind === "mentioned" && <p className="notice">{visibleText(entry.text)}</p>}
      {entry.kind === "handover" && task.offer === undefined && (
        <p className="notice">{visibleText(entry.text)}</p>
      )}
      {entry.kind === "handover" && <Offer task={task} />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <Loading label="Loading the last words" />}
      {query.data !== undefined &&
        (query.data === "" ? (
          <p className="muted">The agent has said nothing. Open the task to see what it did.</p>
        ) : (
          <Message text={query.data} />
        ))}
    </div>
  );
}
