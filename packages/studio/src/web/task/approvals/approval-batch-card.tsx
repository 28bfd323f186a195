import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice } from "@holdfast/web-parts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { ApprovalOption, ApprovalView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { answersFor, summaryLine } from "./approval-batch.ts";

/**
 * Answers several questions of the gate together. Nothing is selected initially, so that nothing is allowed unseen; each
 * question is shown completely on its own card below.
 */
export function ApprovalBatchCard({
  taskId,
  batch,
  onSubmit,
  onAnswered,
}: {
  readonly taskId: string;
  readonly batch: readonly ApprovalView[];
  /** Called with the ids before the answers are sent. */
  readonly onSubmit: (ids: readonly string[]) => void;
  /** The ids that were answered, here or elsewhere, and the text to announce. */
  readonly onAnswered: (ids: readonly string[], outcome: string) => void;
}) {
  const id = useId();
  const api = useApi();
  const queries = useQueryClient();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const chosen = batch.filter((each) => selected.has(each.id));
  const answer = useMutation({
    mutationFn: (kind: ApprovalOption["kind"]) =>
      api.task(taskId).answerMany(answersFor(batch, selected, kind)),
    onMutate: () => onSubmit(chosen.map((each) => each.id)),
    onSuccess: (outcomes, kind) => {
      const refused = outcomes.filter(({ error }) => error !== undefined).length;
      const done = `${kind === "allow_once" ? "Allowed once" : "Denied"}: ${outcomes.length - refused}.`;
      setSelected(new Set());
      onAnswered(
        outcomes.map(({ approvalId }) => approvalId),
        refused === 0 ? done : `${done} Already answered: ${refused}.`,
      );
      if (refused > 0) void queries.invalidateQueries({ queryKey: ["task", taskId] });
    },
  });
  const toggle = (approvalId: string) => {
    const next = new Set(selected);
    if (!next.delete(approvalId)) next.add(approvalId);
    setSelected(next);
  };
  const everything = chosen.length === batch.length;
  return (
    <section
      className="approval approval-boundary"
      aria-labelledby={`${id}-title`}
      tabIndex={-1}
      data-approval-batch
    >
      <p className="approval-kicker">The gate requires approval</p>
      <h2 className="approval-title" id={`${id}-title`}>
        {batch.length} questions waiting
      </h2>
      <p className="approval-note">
        Each takes effect outside the jail. Selected questions are allowed once, exactly as their cards below
        show.
      </p>
      <ul className="approval-list">
        {batch.map((each) => (
          <li key={each.id}>
            <label>
              <input type="checkbox" checked={selected.has(each.id)} onChange={() => toggle(each.id)} />
              <span>
                <strong>{visibleText(each.title)}</strong> {visibleText(summaryLine(each))}
                {each.boundary?.origin !== undefined && (
                  <span className="approval-origin">
                    {" "}
                    · untrusted content: {visibleText(each.boundary.origin)}
                  </span>
                )}
              </span>
            </label>
          </li>
        ))}
      </ul>
      {answer.isError && <ErrorNotice error={answer.error} title="The answers were not saved." />}
      <div className="approval-options">
        <button
          type="button"
          className="button button-primary"
          disabled={answer.isPending || chosen.length === 0}
          onClick={() => answer.mutate("allow_once")}
        >
          Allow {chosen.length} once
        </button>
        <button
          type="button"
          className="button"
          disabled={answer.isPending || chosen.length === 0}
          onClick={() => answer.mutate("reject_once")}
        >
          Deny {chosen.length}
        </button>
        <button
          type="button"
          className="button"
          onClick={() => setSelected(everything ? new Set() : new Set(batch.map((each) => each.id)))}
        >
          {everything ? "Select none" : "Select all"}
        </button>
      </div>
    </section>
  );
}
