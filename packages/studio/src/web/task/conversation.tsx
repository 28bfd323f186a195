import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import type { TaskView } from "../../contract.ts";
import { FailedStep } from "../shared/failed-step/failed-step.tsx";
import { isBusy } from "../shared/status.tsx";
import { Approvals } from "./approvals/approvals.tsx";
import { Composer } from "./composer.tsx";
import { Plan } from "./plan.tsx";
import { StatusLine } from "./status-line.tsx";
import type { SessionLogState } from "./transcript/session-log.ts";
import { Transcript } from "./transcript/transcript.tsx";

/** The transcript, and below it, always visible: plan, questions, composer. */
export function Conversation({
  task,
  log,
  closedAt,
}: {
  /** The task as the session sees it. */
  readonly task: TaskView;
  readonly log: SessionLogState;
  /** Set for a session that can only be read. */
  readonly closedAt: number | undefined;
}) {
  const { transcript, phase } = log;
  return (
    <div className="conversation">
      {/* A task that has just begun has nothing to load: it says what happens. */}
      {phase === "loading" && transcript.items.length === 0 && task.status !== "preparing" ? (
        <div className="transcript">
          <Loading label="Loading the conversation" rows={6} />
        </div>
      ) : (
        <Transcript
          items={transcript.items}
          busy={isBusy(task.status)}
          status={task.status}
          hasQuestion={task.approvals.length > 0}
        />
      )}
      {phase === "failed" && <ErrorNotice error={log.error} title="The conversation could not be loaded." />}
      <div className="dock">
        {transcript.plan.length > 0 && <Plan entries={transcript.plan} />}
        <Approvals task={task} />
        {/* The header asks about the secrets of a fork, which tasks of earlier versions failed for. */}
        {task.status === "failed" && task.error !== undefined && task.fork?.secrets !== "asked" && (
          <div className="notice notice-error">
            <p>
              <strong>{visibleText(task.error.message)}</strong> Send another prompt to try again.
            </p>
            <p className="notice-foot">
              <code className="muted">
                {task.error.group}.{task.error.code}
              </code>
            </p>
            {task.error.environment !== undefined && <FailedStep environment={task.error.environment} />}
          </div>
        )}
        {closedAt === undefined ? (
          <Composer task={task} transcript={transcript} />
        ) : (
          <p className="notice session-closed">This session is closed. Its conversation can still be read.</p>
        )}
        <StatusLine task={task} log={log} />
      </div>
    </div>
  );
}
