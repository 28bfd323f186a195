import { HoldfastError, isErrorCode } from "@holdfast/core";
import type { MergeRequest, PullRequest } from "../forge.ts";

/**
 * Error of a merge that a forge has refused, explained by the pull request as it is now: forges answer the same cause with
 * other statuses and words, some with "not found".
 */
export async function explainMergeRefusal(
  error: unknown,
  merge: MergeRequest,
  read: () => Promise<PullRequest>,
): Promise<unknown> {
  const isRefused = isErrorCode(error, "forge", "refused");
  if (!isRefused && !isErrorCode(error, "forge", "not_found")) return error;
  let pull: PullRequest;
  try {
    pull = await read();
  } catch {
    // The refusal itself says more than a second failure.
    return error;
  }
  const known = causeOf(pull, merge);
  if (known === undefined && !isRefused) return error;
  const { reason, message } = known ?? { reason: "policy", message: (error as HoldfastError).message };
  return new HoldfastError("forge", "refused", message, { statusCode: 409, metadata: { reason } });
}

function causeOf(pull: PullRequest, { expectedHead }: MergeRequest) {
  const { number, headBranch: head, baseBranch: base } = pull;
  if (pull.state === "merged")
    return { reason: "merged", message: `#${number} is merged already. There is nothing left to do.` };
  if (pull.state === "closed")
    return { reason: "closed", message: `#${number} was closed at the forge. Open it again, then merge it.` };
  if (pull.headCommit !== expectedHead) {
    const message = `#${number} has new commits: ${head} is at ${pull.headCommit}. Review them, then merge again.`;
    return { reason: "head_moved", message };
  }
  if (pull.isDraft)
    return { reason: "draft", message: `#${number} is a draft. Mark it as ready for review, then merge it.` };
  if (pull.isMergeable === false) {
    const message = `#${number} conflicts with ${base}. Merge ${base} into ${head}, resolve the conflict, push ${head}, and merge again.`;
    return { reason: "conflict", message };
  }
  return undefined;
}
