import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, useAnnounce, usePrevious } from "@holdfast/web-parts";
import { type RefObject, useEffect, useRef, useState } from "react";
import type { ApprovalView, TaskView } from "../../../contract.ts";
import { selectBatch } from "./approval-batch.ts";
import { ApprovalBatchCard } from "./approval-batch-card.tsx";
import { ApprovalCard } from "./approval-card.tsx";

/** The questions of the agent and of the gate, oldest first. Answering one moves focus to the next, or to the transcript. */
export function Approvals({ task }: { readonly task: TaskView }) {
  const announce = useAnnounce();
  const region = useRef<HTMLDivElement>(null);
  const [answered, setAnswered] = useState<ReadonlySet<string>>(new Set());
  // Stays mounted when the card disappears, until an answer arrives.
  const [unheard, setUnheard] = useState<unknown>();
  // The view without the question may arrive before the response to the request that settled it.
  const submitted = useRef(new Set<string>());
  const submit = (ids: readonly string[]) => {
    for (const id of ids) submitted.current.add(id);
  };
  const elsewhere = useSettledElsewhere(task, submitted);
  const open = task.approvals.filter((approval) => !answered.has(approval.id));
  const batch = selectBatch(open);
  const settled = (ids: readonly string[], outcome: string) => {
    setAnswered((known) => new Set([...known, ...ids]));
    setUnheard(undefined);
    announce(outcome);
    const next = open.find(({ id }) => !ids.includes(id));
    if (next === undefined) document.querySelector<HTMLElement>(".transcript")?.focus();
  };
  const first = open[0];
  const firstId = first?.id;
  const firstTitle = first?.title;
  const asker = first?.boundary === undefined ? "The agent requests approval" : "The gate requires approval";
  useEffect(() => {
    if (firstId === undefined) return;
    announce(`${asker}: ${firstTitle ?? ""}`, "assertive");
    // Never moved while the user types: only if nothing has the focus.
    if (isFocusIdle()) region.current?.querySelector<HTMLElement>(".approval")?.focus();
  }, [announce, asker, firstId, firstTitle]);
  return (
    <div className="approvals" ref={region}>
      {elsewhere !== undefined && open.length === 0 && (
        <p className="notice approval-elsewhere">{elsewhere}</p>
      )}
      {unheard !== undefined && <ErrorNotice error={unheard} title="The answer was not accepted." />}
      {batch.length > 0 && (
        <ApprovalBatchCard taskId={task.id} batch={batch} onSubmit={submit} onAnswered={settled} />
      )}
      {open.map((approval, index) => (
        <ApprovalCard
          key={approval.id}
          taskId={task.id}
          approval={approval}
          position={open.length === 1 ? undefined : `${index + 1} of ${open.length}`}
          onSubmit={() => submit([approval.id])}
          onUndelivered={(error) => {
            setAnswered((known) => new Set(known).add(approval.id));
            setUnheard(error);
          }}
          onAnswered={(outcome) => settled([approval.id], outcome)}
        />
      ))}
    </div>
  );
}

/**
 * Why the last question disappeared without an answer in this window; also announced, because the card that a screen
 * reader was reading is gone. Undefined until that happens, and again when the agent asks the next question.
 */
function useSettledElsewhere(task: TaskView, submitted: RefObject<ReadonlySet<string>>): string | undefined {
  const announce = useAnnounce();
  const [message, setMessage] = useState<string>();
  const previous = usePrevious(task.approvals);
  const { approvals, status } = task;
  useEffect(() => {
    const ids = new Set(approvals.map(({ id }) => id));
    const gone = previous?.filter(({ id }) => !ids.has(id) && !submitted.current.has(id)) ?? [];
    const last = gone.at(-1);
    if (last === undefined) {
      if (previous !== undefined && approvals.length > previous.length) setMessage(undefined);
      return;
    }
    const words = describeSettlement(last, status);
    setMessage(words);
    // The status changes at the same time, and its polite announcement would replace this one.
    announce(words, "assertive");
  }, [announce, approvals, previous, status, submitted]);
  return message;
}

function describeSettlement({ title, expiresAt }: ApprovalView, status: TaskView["status"]): string {
  const name = visibleText(title);
  if (status === "stopped") return `The task was stopped before “${name}” was answered.`;
  if (status === "failed") return `The task failed before “${name}” was answered.`;
  if (expiresAt <= Date.now()) return `“${name}” expired without an answer.`;
  return `“${name}” was answered in another window, or the agent that asked has ended.`;
}

/** True if no particular element has the focus. */
function isFocusIdle(): boolean {
  const active = document.activeElement;
  return active === null || active === document.body || active.matches("#main, .transcript");
}
