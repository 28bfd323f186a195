import { HoldfastError } from "@holdfast/core";
import type { TaskState } from "../task-state.ts";
import { addressPrompt } from "./prompt.ts";
import { type PullRequestKv, PullRequestStore } from "./pull-request.ts";
import { requirePullRequest } from "./refusals.ts";
import { unaddressedOf } from "./state.ts";

const maxAddressed = 1_000;

/** Enqueues an untrusted prompt together with another change of the task; see `TaskSteps.promptBeside`. */
export type SendUntrusted = (text: string, beside: () => void, taint: string) => Promise<void>;

/**
 * Sends what the agent has not got of the pull request as one prompt, once. Throws `publish.no_pull_request`,
 * `publish.nothing_to_address`, and the errors of a prompt.
 */
export async function addressReview(
  c: { readonly state: TaskState; readonly kv: PullRequestKv },
  send: SendUntrusted,
): Promise<void> {
  const publication = requirePullRequest(c.state);
  const { number, repository } = publication.pullRequest;
  const details = await new PullRequestStore().read(c.kv);
  const items = details === undefined ? [] : unaddressedOf(publication, details);
  if (items.length === 0) throw nothingToAddress(number);
  const { text, ids } = addressPrompt(number, items);
  const addressOnce = () => {
    // Reaching the queue of prompts takes an await, during which another window may have sent the same.
    if (ids.some((id) => publication.addressed.includes(id))) throw nothingToAddress(number);
    publication.addressed = [...publication.addressed, ...ids].slice(-maxAddressed);
  };
  await send(text, addressOnce, `comments on pull request #${number} of ${repository}`);
}

function nothingToAddress(number: number): HoldfastError {
  const message = `The agent has got all comments and failed checks of #${number}. Wait for new ones.`;
  return new HoldfastError("publish", "nothing_to_address", message, { statusCode: 409 });
}
