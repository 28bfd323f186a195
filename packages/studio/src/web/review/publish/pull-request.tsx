import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  ArchiveIcon,
  BranchIcon,
  CheckIcon,
  ConfirmButton,
  ErrorNotice,
  RefreshIcon,
  SendIcon,
  TimeAgo,
  useAnnounce,
  WarningIcon,
} from "@holdfast/web-parts";
import { useId, useState } from "react";
import type { PublicationView, PullRequestDetails } from "../../../contract.ts";
import { useRebase } from "../../shared/stack/use-rebase.ts";
import { Checks } from "./checks.tsx";
import { Comments } from "./comments.tsx";
import type { PublicationControls } from "./publish-query.ts";

const stateLabels = { open: "Open", closed: "Closed", merged: "Merged" } as const;

/** A pull request as it was read last, and what can be done with it. */
export function PullRequest({
  taskId,
  pull,
  view,
  busy,
  isWaiting,
  isWorking,
  controls,
  onPublish,
}: {
  readonly taskId: string;
  readonly pull: PullRequestDetails;
  readonly view: PublicationView;
  /** True while the agent works. */
  readonly busy: boolean;
  /** True while it waits for an answer to an approval. */
  readonly isWaiting: boolean;
  /** True while the task is published. */
  readonly isWorking: boolean;
  readonly controls: PublicationControls;
  readonly onPublish: () => void;
}) {
  const { read, ready, merge, address } = controls;
  const { rebase } = useRebase(taskId);
  const error = merge.error ?? ready.error ?? address.error ?? rebase.error ?? read.error;
  return (
    <>
      <div className="pull-head">
        <span
          className="tag pull-state"
          data-state={pull.isDraft && pull.state === "open" ? "draft" : pull.state}
        >
          {pull.isDraft && pull.state === "open" ? "Draft" : stateLabels[pull.state]}
        </span>
        <a className="pull-title" href={pull.webUrl} target="_blank" rel="noreferrer">
          {visibleText(pull.title)} <span className="muted">#{pull.number}</span>
        </a>
        <button
          type="button"
          className="icon-button"
          aria-label="Read the pull request again"
          title="Read the pull request again"
          disabled={read.isPending}
          onClick={() => read.mutate()}
        >
          <RefreshIcon />
        </button>
      </div>
      <p className="pull-meta muted">
        <span>{pull.repository}</span>
        <span>
          <code>{pull.headBranch}</code> into <code>{pull.baseBranch}</code>
        </span>
        {pull.reviewers.length > 0 && <span>Review by {pull.reviewers.join(", ")}</span>}
        {(pull.assignees ?? []).length > 0 && <span>Assigned to {pull.assignees?.join(", ")}</span>}
        {(pull.labels ?? []).map((label) => (
          <span key={label} className="tag">
            {visibleText(label)}
          </span>
        ))}
        <span>
          Read <TimeAgo at={pull.readAt} />
        </span>
      </p>
      {view.problem !== undefined && (
        <p className="field-warning">
          <WarningIcon />
          <span>{view.problem.message}</span>
        </p>
      )}
      {pull.readError !== undefined && (
        <p className="field-warning" role="alert">
          <WarningIcon />
          <span>Not up to date. {pull.readError.message}</span>
        </p>
      )}
      {pull.state === "open" && pull.isMergeable === false && (
        <p className="field-warning">
          <WarningIcon />
          <span>
            Conflicts with {pull.baseBranch}. Rebase on its newest commit: what does not fit is shown, and the
            agent can resolve it.{" "}
            <button
              type="button"
              className="link-button"
              disabled={busy || isWorking || rebase.isPending}
              onClick={() => rebase.mutate()}
            >
              {rebase.isPending ? "Rebasing…" : "Rebase"}
            </button>
          </span>
        </p>
      )}
      <Checks checks={pull.checkList} summary={pull.checks} />
      <Comments comments={pull.comments} />
      {pull.state === "open" ? (
        <Actions
          pull={pull}
          unaddressed={view.unaddressed}
          busy={busy}
          isWorking={isWorking}
          controls={controls}
          onPublish={onPublish}
        />
      ) : (
        <Over pull={pull} controls={controls} />
      )}
      {busy && pull.state === "open" && (
        <p className="field-help">
          {isWaiting ? "The agent waits for your answer." : "The agent works."} Push when it has finished.
        </p>
      )}
      {error !== null && <ErrorNotice error={error} title="The forge or the agent refused." />}
    </>
  );
}

function Actions({
  pull,
  unaddressed,
  busy,
  isWorking,
  controls: { ready, merge, address },
  onPublish,
}: {
  readonly pull: PullRequestDetails;
  readonly unaddressed: number;
  readonly busy: boolean;
  readonly isWorking: boolean;
  readonly controls: PublicationControls;
  readonly onPublish: () => void;
}) {
  const id = useId();
  const announce = useAnnounce();
  const [method, setMethod] = useState<"merge" | "squash">("merge");
  const next = nextStep(pull, unaddressed);
  return (
    <div className="publish-actions">
      {unaddressed > 0 && (
        <button
          type="button"
          className={buttonClass(next === "address")}
          disabled={address.isPending}
          onClick={() => address.mutate(undefined, { onSuccess: () => announce("Sent to the agent.") })}
        >
          <SendIcon />
          Address the review ({unaddressed})
        </button>
      )}
      <button
        type="button"
        className={buttonClass(next === "push")}
        disabled={busy || isWorking}
        onClick={onPublish}
      >
        <BranchIcon />
        Push changes
      </button>
      {pull.isDraft && (
        <button
          type="button"
          className="button"
          disabled={ready.isPending}
          onClick={() => ready.mutate(undefined, { onSuccess: () => announce("Ready for review.") })}
        >
          <CheckIcon />
          Ready for review
        </button>
      )}
      {!pull.isDraft && pull.isMergeable !== false && (
        <span className="pull-merge">
          <label className="visually-hidden" htmlFor={id}>
            Way to merge
          </label>
          <select
            id={id}
            className="pull-method"
            value={method}
            onChange={({ target: { value } }) => setMethod(value === "squash" ? "squash" : "merge")}
          >
            <option value="merge">Merge commit</option>
            <option value="squash">Squash</option>
          </select>
          <ConfirmButton
            label={merge.isPending ? "Merging…" : "Merge…"}
            className={buttonClass(next === "merge")}
            disabled={isWorking}
            title={`Merge #${pull.number} into ${pull.baseBranch}?`}
            confirmLabel="Merge"
            isDangerous={false}
            onConfirm={() => merge.mutateAsync(method)}
          >
            {mergeText(pull, method)}
          </ConfirmButton>
        </span>
      )}
    </div>
  );
}

/** What most people do next: it has the button that stands out. */
function nextStep(
  { checks }: PullRequestDetails,
  unaddressed: number,
): "address" | "push" | "merge" | undefined {
  if (unaddressed > 0) return "address";
  if (checks === "failure") return "push";
  return checks === "success" ? "merge" : undefined;
}

function buttonClass(isNext: boolean): string {
  return isNext ? "button button-primary" : "button";
}

function mergeText(
  { checks, headCommit, headBranch }: PullRequestDetails,
  method: "merge" | "squash",
): string {
  const how = method === "squash" ? "as one commit" : "with a merge commit";
  const at = `${headBranch} at ${headCommit.slice(0, 8)} will be merged ${how}.`;
  if (checks === "failure") return `${at} A check has failed.`;
  return checks === "running" ? `${at} Checks are still running.` : at;
}

function Over({
  pull,
  controls: { archive },
}: {
  readonly pull: PullRequestDetails;
  readonly controls: PublicationControls;
}) {
  if (pull.state === "closed")
    return <p className="field-help">Closed at the forge. Open it again there, or publish another one.</p>;
  return (
    <div className="publish-row">
      <p className="pull-merged">Merged into {pull.baseBranch}.</p>
      <button
        type="button"
        className="button"
        disabled={archive.isPending || archive.isSuccess}
        onClick={() => archive.mutate()}
      >
        <ArchiveIcon />
        {archive.isSuccess ? "Archived" : "Archive task"}
      </button>
      {archive.isError && <ErrorNotice error={archive.error} title="The task was not archived." />}
    </div>
  );
}
