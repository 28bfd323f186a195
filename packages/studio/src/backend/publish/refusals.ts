/** Why a task cannot be published or merged now. */
import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import type { TaskPullRequest } from "../../contract/publish.ts";
import type { TaskError } from "../../contract.ts";
import type { TaskState } from "../task-state.ts";
import type { PublicationState } from "./state.ts";

export interface PublishedState extends PublicationState {
  pullRequest: TaskPullRequest;
  headCommit: string;
}

/** Throws `publish.no_pull_request`. */
export function requirePullRequest({ publication }: TaskState): PublishedState {
  if (publication?.pullRequest !== undefined && publication.headCommit !== undefined)
    return publication as PublishedState;
  const message = "The task has no pull request yet. Publish it first.";
  throw new HoldfastError("publish", "no_pull_request", message, { statusCode: 409 });
}

/** The branch was pushed, and the forge refused its pull request. Other errors stay what they are. */
export function notOpened(error: unknown, { branch, baseBranch }: PublicationState): unknown {
  const isRefused = isErrorCode(error, "forge", "refused") || isErrorCode(error, "forge", "not_found");
  if (!isRefused || !(error instanceof Error)) return error;
  const message = `${branch} was pushed, but no pull request into ${baseBranch} was opened. Check that ${baseBranch} exists at the forge, and publish again. ${error.message}`;
  return new HoldfastError("publish", "not_opened", message, { statusCode: 409, cause: error });
}

/** What people read of a failure: of one that was not foreseen, that the log has it. */
export function errorOf(error: unknown): TaskError {
  if (!isHoldfastError(error))
    return { group: "internal", code: "internal_error", message: "Publishing failed. See the server's log." };
  const { group, code, message } = error;
  return { group, code, message };
}

/** A merge would leave out what is being pushed. */
export function inProgress(): HoldfastError {
  const message = "The changes of this task are being pushed. Merge when that has ended.";
  return new HoldfastError("publish", "in_progress", message, { statusCode: 409 });
}
