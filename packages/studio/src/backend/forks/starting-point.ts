/** Tasks that start from pull requests of forks: where they start, and whether they get secrets of the repository. */
import { HoldfastError } from "@holdfast/core";
import type { ForkPull } from "../../cluster/fork-pull.ts";
import { pullRefOf } from "../../forges/pull-ref.ts";
import { labelsOfForge } from "../../labels/labels.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import type { RepositorySource } from "../repositories/contract.ts";

/** Where a task on a pull request starts: at a branch of the repository, or at the head that a fork has. */
export type StartingPoint = ({ readonly branch: string } | { readonly pull: ForkPull }) & {
  /** Of the pull request, as those of the task. */
  readonly labels: readonly string[];
};

/** Throws `repository.no_pull_request`, `forge.*`. */
export async function findStartingPoint(
  { connections }: Pick<BackendHost, "connections">,
  source: RepositorySource,
  number: unknown,
  signal: AbortSignal,
): Promise<StartingPoint> {
  const isNumber = typeof number === "number" && Number.isSafeInteger(number) && number > 0;
  if (source.kind !== "forge" || !isNumber) throw noPullRequest();
  const pull = await connections.pullRequest(source, number, signal);
  const { title, webUrl, baseBranch } = pull;
  const labels = labelsOfForge(pull.labels);
  const head = await connections.pullRequestHead(source, number, signal);
  if (!head.isFork) return { branch: head.branch, labels };
  const { repository, branch, mayEdit } = head;
  const ref = pullRefOf(source.forge, number);
  const shown = title.slice(0, studioLimits.maxPullRequestTitle);
  return { pull: { number, title: shown, webUrl, repository, branch, baseBranch, ref, mayEdit }, labels };
}

function noPullRequest(): HoldfastError {
  const message = "There is no such pull request. Choose one of the repository's list.";
  return new HoldfastError("repository", "no_pull_request", message, { statusCode: 404 });
}
