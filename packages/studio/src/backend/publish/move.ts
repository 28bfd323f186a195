import { isErrorCode } from "@holdfast/core";
import type { BackendHost } from "../host.ts";
import type { BaseMove } from "../stacks/state.ts";
import type { PendingPublish, PublicationState } from "./state.ts";

/**
 * What the published branch is on another base: one commit, which replaces those that it has. Undefined when there is nothing
 * to push: what was pushed does not fit, and waits for the next publication, or the base has all of it.
 */
export async function movedBranch(
  { changes, forges, ports }: Pick<BackendHost, "changes" | "forges" | "ports">,
  taskId: string,
  { pushed, branch }: Pick<PublicationState, "pushed" | "branch">,
  { from, to }: Pick<BaseMove, "from" | "to">,
): Promise<Omit<PendingPublish, "isRebased"> | undefined> {
  if (pushed === undefined) return undefined;
  const root = pushed.root ?? from;
  if (root === to.commit) return undefined;
  const rebased = await changes.rebases.tree(taskId, { from: root, to: to.commit, tree: pushed.tree });
  if (rebased.conflicts.length > 0) return undefined;
  const { tree } = rebased;
  const { message } = pushed.plan;
  const commit = { tree, base: to.commit, branch, message, at: ports.clock.now() };
  try {
    await forges.commit(taskId, commit);
  } catch (error) {
    if (isErrorCode(error, "apply", "nothing_to_apply")) return undefined;
    throw error;
  }
  return {
    ...{ step: "pushing", commit, tree, root: to.commit, replaces: pushed.commit },
    ...{ isDraft: false, reviewers: [] },
  };
}
