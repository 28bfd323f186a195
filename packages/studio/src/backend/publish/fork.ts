import { HoldfastError } from "@holdfast/core";
import type { PublishFork, PublishInput } from "../../contract/publish.ts";
import type { Forge } from "../../forges/forge.ts";
import { forkClosed } from "../../forges/fork-closed.ts";
import type { TaskState } from "../task-state.ts";

/** The branch of the fork to push to. */
export interface ForkTarget {
  readonly number: number;
  readonly branch: string;
}

/** The fork that a task starts from, as a publication shows it. */
export function publishForkOf({ connected }: Pick<TaskState, "connected">): PublishFork | undefined {
  if (connected?.pull === undefined) return undefined;
  const { number, repository, branch, mayEdit } = connected.pull;
  return { number, repository, branch, mayEdit };
}

/**
 * The branch of the fork that a task is published to; undefined for a branch of the repository. Throws `publish.no_fork`,
 * `.fork_closed`, `forge.*`.
 */
export async function findForkTarget(
  { connected, publication }: Pick<TaskState, "connected" | "publication">,
  { to, branch }: PublishInput,
  open: () => Promise<{ readonly forge: Forge; readonly fullName: string }>,
): Promise<ForkTarget | undefined> {
  const pull = connected?.pull;
  if (pull === undefined) {
    if (to !== "fork") return undefined;
    const message = "The task does not start from the pull request of a fork. Publish to a branch.";
    throw new HoldfastError("publish", "no_fork", message, { statusCode: 409 });
  }
  const before = publication === undefined || publication.fork !== undefined ? "fork" : "branch";
  if ((to ?? (branch === undefined ? before : "branch")) === "branch") return undefined;
  const { forge, fullName } = await open();
  const head = await forge.pullRequestHead(fullName, pull.number);
  if (head.mayEdit) return { number: pull.number, branch: head.branch };
  throw forkClosed(pull.number, head.repository);
}
