import { harmless } from "@holdfast/cli";
import type { TaskPullRequest } from "@holdfast/studio";

/** A pull request in one line, for a terminal. */
export function pullRequestText({ number, state, isDraft, checks, webUrl }: TaskPullRequest): string {
  const status = state === "open" && isDraft ? "draft" : state;
  return `Pull request #${number} (${status}${checks === "none" ? "" : `, checks: ${checks}`}): ${harmless(webUrl)}`;
}
