/** The pull request of a task: its form, its state at the forge, and what can be done with it. */
import { HoldfastError } from "@holdfast/core";
import { BranchIcon, ErrorNotice, Loading } from "@holdfast/web-parts";
import { useState } from "react";
import type { PublicationView, TaskView } from "../../../contract.ts";
import { isBusy } from "../../shared/status.tsx";
import { PublishForm } from "./publish-form.tsx";
import { usePublication, usePublishChoices } from "./publish-query.ts";
import { PullRequest } from "./pull-request.tsx";
import "./publish.css";

export function Publish({ task }: { readonly task: TaskView }) {
  const controls = usePublication(task.id, task.sessionId);
  const [isOpen, setOpen] = useState(false);
  const choices = usePublishChoices(task.id, isOpen);
  const { query, publish } = controls;
  const view = query.data;
  if (query.isPending) return <Loading label="Loading the pull request" rows={1} />;
  if (view === undefined)
    return (
      <ErrorNotice
        error={query.error}
        title="The pull request could not be loaded."
        onRetry={() => void query.refetch()}
      />
    );
  const { pullRequest, target, problem, progress, proposal } = view;
  // Who works on a folder without a forge has nothing to do here.
  if (target === null && pullRequest === undefined && problem?.code === "no_remote") return null;
  if (target === null && pullRequest === undefined)
    return <p className="publish-problem field-help">No pull request yet. {problem?.message}</p>;
  const isOver = pullRequest !== undefined && pullRequest.state !== "open";
  const busy = isBusy(task.status);
  const isWorking = publish.isPending || progress !== null;
  const { fork } = view;
  const toFork = fork?.mayEdit === true && pullRequest === undefined ? fork : undefined;
  const failure = publish.error ?? errorOf(view);
  return (
    <section className="publish" aria-label="Pull request">
      {pullRequest !== undefined && (
        <PullRequest
          taskId={task.id}
          pull={pullRequest}
          view={view}
          busy={busy}
          isWaiting={task.status === "waiting"}
          isWorking={isWorking}
          controls={controls}
          onPublish={() => publish.mutate({})}
        />
      )}
      {(pullRequest === undefined || isOver) && !isOpen && !isWorking && (
        <div className="publish-row">
          <p className="muted">
            {isOver
              ? "More changes need another pull request."
              : (forkText(fork) ?? `Publish to ${target?.name ?? ""}`)}
          </p>
          {toFork !== undefined && (
            <button
              type="button"
              className="button button-primary"
              disabled={busy}
              onClick={() => publish.mutate({ to: "fork" })}
            >
              <BranchIcon />
              Push to the fork
            </button>
          )}
          <button
            type="button"
            className={isOver || toFork !== undefined ? "button" : "button button-primary"}
            disabled={busy}
            onClick={() => setOpen(true)}
          >
            <BranchIcon />
            {isOver ? "Publish again…" : fork === undefined ? "Publish…" : "Own branch…"}
          </button>
        </div>
      )}
      {isOpen && !isWorking && (
        <PublishForm
          proposal={proposal}
          choices={choices.data}
          target={target?.name ?? ""}
          busy={busy}
          onCancel={() => setOpen(false)}
          onPublish={(input) =>
            publish.mutate(fork === undefined ? input : { ...input, to: "branch" }, {
              onSuccess: () => setOpen(false),
            })
          }
        />
      )}
      {isWorking && (
        <p className="publish-progress" role="status">
          <span className="spinner" aria-hidden="true" />
          {progress === "opening"
            ? "Opening the pull request…"
            : `Pushing to ${target?.name ?? "the forge"}…`}
        </p>
      )}
      {failure !== null && !isWorking && <ErrorNotice error={failure} title="The task was not published." />}
    </section>
  );
}

/** Where a task that starts from a fork can go. */
function forkText(fork: PublicationView["fork"]): string | undefined {
  if (fork === undefined) return undefined;
  const { number, repository, branch, mayEdit } = fork;
  if (mayEdit) return `#${number} takes commits at ${repository}, branch ${branch}`;
  return `${repository} does not allow maintainers to edit the branch of #${number}. Publish to a branch of your own.`;
}

/** The last failure, also of another window, the command line or an earlier server. */
function errorOf({ error }: PublicationView): HoldfastError | null {
  return error === undefined ? null : new HoldfastError(error.group, error.code, error.message);
}
