import { isHoldfastError } from "@holdfast/core";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, useNow } from "@holdfast/web-parts";
import { errorCode } from "@holdfast/web-parts/errors";
import { formatDuration } from "@holdfast/web-parts/format";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useMemo } from "react";
import { gateAnswers } from "../../../approvals/gate-answers.ts";
import { truncationNote } from "../../../approvals/truncation-note.ts";
import type { ApprovalOption, ApprovalView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { FileDiff } from "../transcript/file-diff.tsx";
import { ToolIcon } from "../transcript/tool-icon.tsx";
import { diffsInDetail } from "./diff-detail.ts";

/** One question in full, with its answers. */
export function ApprovalCard({
  taskId,
  approval,
  position,
  onSubmit,
  onUndelivered,
  onAnswered,
}: {
  readonly taskId: string;
  readonly approval: ApprovalView;
  /** Its position among several questions, whose titles may be the same. */
  readonly position: string | undefined;
  /** Called before the answer is sent. */
  readonly onSubmit: () => void;
  /** Called if the agent exited before it received the answer. */
  readonly onUndelivered: (error: unknown) => void;
  readonly onAnswered: (outcome: string) => void;
}) {
  const id = useId();
  const api = useApi();
  const queries = useQueryClient();
  // For display only: the browser's clock may be wrong, and the server decides what is still open.
  const left = approval.expiresAt - useNow(1_000);
  const answer = useMutation({
    mutationFn: (option: ApprovalOption) => api.task(taskId).answer(approval.id, option.id),
    onMutate: onSubmit,
    onSuccess: (_, option) => onAnswered(`Answered: ${option.name}.`),
    onError: (error) => {
      // Answered in another window, or expired: the next view removes the card.
      const code = errorCode(error);
      if (code === "approval.agent_gone") {
        onUndelivered(error);
        void queries.invalidateQueries({ queryKey: ["task", taskId] });
      }
      if (
        code === "approval.already_settled" ||
        code === "approval.expired" ||
        code === "approval.not_found"
      ) {
        // Says who has answered it.
        onAnswered(isHoldfastError(error) ? error.message : "This question is closed.");
        void queries.invalidateQueries({ queryKey: ["task", taskId] });
      }
    },
  });
  return (
    <section
      className={approval.boundary === undefined ? "approval" : "approval approval-boundary"}
      aria-labelledby={position === undefined ? `${id}-title` : `${id}-title ${id}-position`}
      aria-describedby={approval.boundary === undefined ? undefined : `${id}-boundary`}
      tabIndex={-1}
      data-approval={approval.id}
    >
      <p className="approval-kicker">
        <ToolIcon kind={approval.kind ?? "other"} />
        {approval.boundary === undefined ? "The agent requests approval" : "The gate requires approval"}
        {approval.kind === undefined ? "" : ` · ${approval.kind}`}
        {position !== undefined && <span id={`${id}-position`}>{position}</span>}
        <span className="approval-left">
          {left > 0 ? `expires in ${formatDuration(left)}` : "expires now"}
        </span>
      </p>
      <h2 className="approval-title" id={`${id}-title`}>
        {visibleText(approval.title)}
      </h2>
      {approval.boundary !== undefined && (
        <p className="approval-note" id={`${id}-boundary`}>
          This action takes effect outside the jail. It runs once, exactly as shown, and only if you allow it.
          If you allow it for this task, the same action may run again without asking.
        </p>
      )}
      {approval.boundary?.origin !== undefined && (
        <p className="approval-note approval-origin" data-origin>
          This session contains untrusted content: {visibleText(approval.boundary.origin)}. It may have caused
          this request.
        </p>
      )}
      {approval.detail !== "" && <Detail approval={approval} />}
      {offersRule(approval) && <Rule approval={approval} />}
      {answer.isError && <ErrorNotice error={answer.error} title="The answer was not accepted." />}
      <div className="approval-options">
        {approval.options.map((option) => (
          <button
            key={option.id}
            type="button"
            className={option.kind === "allow_once" ? "button button-primary" : "button"}
            data-kind={option.kind}
            disabled={answer.isPending}
            onClick={({ detail }) => {
              // The second click of a double click was meant for the question that was here before.
              if (detail <= 1) answer.mutate(option);
            }}
          >
            {visibleText(option.name)}
          </button>
        ))}
      </div>
    </section>
  );
}

function offersRule({ boundary, proposal, options }: ApprovalView): boolean {
  const offered = options.some(({ id }) => id === gateAnswers.byRule);
  return boundary !== undefined && proposal !== undefined && offered;
}

/** The rule that "always allow" adds, as it would appear in the policy file. */
function Rule({ approval }: { readonly approval: ApprovalView }) {
  return (
    <details className="approval-rule">
      <summary>Rule added by “Always allow”</summary>
      <p className="muted">The rule is added to policy.json. Delete it there to be asked again.</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard. */}
      <pre className="approval-detail" tabIndex={0}>
        {visibleText(JSON.stringify(approval.proposal, null, 2))}
      </pre>
    </details>
  );
}

/** The arguments of the tool call: file changes as a diff, anything else unchanged. */
function Detail({ approval }: { readonly approval: ApprovalView }) {
  const diffs = useMemo(
    () => (approval.truncated ? undefined : diffsInDetail(approval.detail)),
    [approval.detail, approval.truncated],
  );
  const note = truncationNote(approval);
  if (diffs !== undefined) {
    return (
      <div className="approval-diffs">
        {diffs.map((diff, index) => (
          <FileDiff key={index} diff={diff} />
        ))}
      </div>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard.
    <pre className="approval-detail" tabIndex={0}>
      {approval.kind === "edit" ? <ChangedLines text={approval.detail} /> : visibleText(approval.detail)}
      {note !== undefined && `\n${note}`}
    </pre>
  );
}

/** The text unchanged, with the lines that an edit adds and removes in their colours. */
function ChangedLines({ text }: { readonly text: string }) {
  return text.split("\n").map((line, index) => (
    <span
      key={index}
      data-line={line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : undefined}
    >
      {visibleText(line)}
      {"\n"}
    </span>
  ));
}
