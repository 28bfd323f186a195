import type { NewPullRequest, PullRequestChange } from "../forge.ts";

/** The part of a new pull request that some forges take only when it is there. */
export function participantsOf({
  labels,
  reviewers,
  assignees,
}: NewPullRequest): Pick<PullRequestChange, "labels" | "reviewers" | "assignees"> {
  return {
    ...(labels === undefined ? {} : { labels }),
    ...(reviewers === undefined ? {} : { reviewers }),
    ...(assignees === undefined ? {} : { assignees }),
  };
}
