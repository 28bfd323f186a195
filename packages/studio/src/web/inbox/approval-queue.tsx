import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Empty, ErrorNotice, Loading, useAnnounce } from "@holdfast/web-parts";
import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ApprovalAnswerOutcome, ApprovalOption, OpenApproval } from "../../contract.ts";
import { baseName } from "../shared/base-name.ts";
import { useApi } from "../shared/context.ts";
import type { StudioApi } from "../shared/port.ts";
import { answersFor } from "../task/approvals/approval-batch.ts";
import { ApprovalCard } from "../task/approvals/approval-card.tsx";
import { taskLink } from "./entry-link.ts";
import type { ApprovalQueueQuery, GoneApproval } from "./queue.ts";

/** The open approvals of all tasks, each in full, answered one by one or together. Nothing is selected initially. */
export function ApprovalQueue({ queue, me }: { readonly queue: ApprovalQueueQuery; readonly me: string }) {
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [notice, setNotice] = useState<string>();
  const [undelivered, setUndelivered] = useState<unknown>();
  const { data, gone } = queue;
  if (data === undefined) {
    if (queue.isPending) return <Loading label="Loading approvals" rows={3} />;
    return <ErrorNotice error={queue.error} onRetry={() => void queue.refetch()} />;
  }
  const chosen = data.approvals.filter((each) => selected.has(keyOf(each)));
  const hidden = data.total - data.approvals.length;
  const tell = (words: string) => {
    setNotice(words);
    setUndelivered(undefined);
    announce(words);
  };
  const elsewhere = gone === undefined || gone.answer?.person === me ? undefined : describeGone(gone);
  const words = notice ?? elsewhere;
  return (
    <div className="approval-queue">
      {words !== undefined && (
        <p className="notice" role="status">
          {words}
        </p>
      )}
      {notice !== undefined && elsewhere !== undefined && <p className="notice">{elsewhere}</p>}
      {undelivered !== undefined && <ErrorNotice error={undelivered} title="The answer was not accepted." />}
      {data.approvals.length === 0 && (
        <Empty title="No approvals are waiting">What agents ask for in any task appears here.</Empty>
      )}
      {data.approvals.length > 1 && (
        <BatchBar
          approvals={data.approvals}
          chosen={chosen}
          onSelect={(all) => setSelected(all ? new Set(data.approvals.map(keyOf)) : new Set())}
          onAnswered={(text) => {
            setSelected(new Set());
            tell(text);
          }}
        />
      )}
      <ul className="approval-queue-list">
        {data.approvals.map((each, index) => {
          const { task, approval } = each;
          const key = keyOf(each);
          return (
            <li key={key}>
              <p className="approval-queue-task">
                {data.approvals.length > 1 && (
                  <input
                    type="checkbox"
                    aria-label={`Select: ${visibleText(approval.title)}`}
                    checked={selected.has(key)}
                    onChange={() => setSelected((known) => toggled(known, key))}
                  />
                )}
                <Link {...taskLink(task)}>{visibleText(task.title)}</Link>
                <span className="muted">
                  {baseName(task.repository)} · {task.agent}
                </span>
              </p>
              <ApprovalCard
                taskId={task.id}
                approval={approval}
                position={data.total === 1 ? undefined : `${index + 1} of ${data.total}`}
                onSubmit={() => {}}
                onUndelivered={(error) => {
                  setUndelivered(error);
                  void refetchActive(queries, ["approvals"]);
                }}
                onAnswered={(text) => {
                  tell(text);
                  void refetchActive(queries, ["approvals"]);
                }}
              />
            </li>
          );
        })}
      </ul>
      {hidden > 0 && <p className="muted">{hidden} more appear when some of these are answered.</p>}
    </div>
  );
}

function BatchBar({
  approvals,
  chosen,
  onSelect,
  onAnswered,
}: {
  readonly approvals: readonly OpenApproval[];
  readonly chosen: readonly OpenApproval[];
  readonly onSelect: (all: boolean) => void;
  readonly onAnswered: (words: string) => void;
}) {
  const api = useApi();
  const queries = useQueryClient();
  const answer = useMutation({
    mutationFn: (kind: ApprovalOption["kind"]) => answerAll(api, chosen, kind),
    onSuccess: (outcomes, kind) => {
      onAnswered(describeOutcomes(outcomes, kind));
      void refetchActive(queries, ["approvals"]);
    },
  });
  const isAll = chosen.length === approvals.length;
  const isDisabled = answer.isPending || chosen.length === 0;
  return (
    <div className="approval-queue-bar">
      <label>
        <input type="checkbox" checked={isAll} onChange={() => onSelect(!isAll)} /> Select all{" "}
        {approvals.length}
      </label>
      <button
        type="button"
        className="button button-primary"
        disabled={isDisabled}
        onClick={() => answer.mutate("allow_once")}
      >
        Allow {chosen.length} once
      </button>
      <button
        type="button"
        className="button"
        disabled={isDisabled}
        onClick={() => answer.mutate("reject_once")}
      >
        Deny {chosen.length}
      </button>
      {answer.isError && <ErrorNotice error={answer.error} title="Some answers were not saved." />}
    </div>
  );
}

/** Answers the questions of each task together, each independently of the others. */
async function answerAll(
  api: StudioApi,
  chosen: readonly OpenApproval[],
  kind: ApprovalOption["kind"],
): Promise<readonly ApprovalAnswerOutcome[]> {
  const outcomes: ApprovalAnswerOutcome[] = [];
  for (const [taskId, group] of Map.groupBy(chosen, ({ task }) => task.id)) {
    const approvals = group.map(({ approval }) => approval);
    const answers = answersFor(approvals, new Set(approvals.map(({ id }) => id)), kind);
    if (answers.length > 0) outcomes.push(...(await api.task(taskId).answerMany(answers)));
  }
  return outcomes;
}

function describeOutcomes(outcomes: readonly ApprovalAnswerOutcome[], kind: ApprovalOption["kind"]): string {
  const refused = outcomes.flatMap(({ error }) => (error === undefined ? [] : [error.message]));
  const done = `${kind === "allow_once" ? "Allowed once" : "Denied"}: ${outcomes.length - refused.length}.`;
  return [done, ...new Set(refused)].join(" ");
}

function describeGone({ title, answer }: GoneApproval): string {
  const name = visibleText(title);
  if (answer === undefined) return `“${name}” is no longer open: it expired, or its task was stopped.`;
  const who = answer.name === undefined ? "The operator" : visibleText(answer.name);
  return `${who} has answered “${name}”: ${visibleText(answer.option)}.`;
}

function keyOf({ task, approval }: OpenApproval): string {
  return `${task.id}.${approval.id}`;
}

function toggled(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
}
