import { HoldfastError } from "@holdfast/core";
import type { ActorCreator } from "../new-task.ts";
import type { RepositorySummary } from "../repositories/contract.ts";
import type { StartingPoint } from "./starting-point.ts";

/** Where a task on a pull request starts. Throws `task.invalid_input`, `repository.no_pull_request`, `forge.*`. */
export async function startOf(
  c: ActorCreator,
  connectedTo: RepositorySummary | undefined,
  pullRequest: unknown,
): Promise<StartingPoint | undefined> {
  if (pullRequest === undefined) return undefined;
  if (connectedTo === undefined) {
    const message = "A pull request is one of a connected repository. Connect the repository first.";
    throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
  }
  const repository = c.client().get("repository", [connectedTo.id]);
  return repository.action<StartingPoint>({ name: "internal.startingPoint", args: [pullRequest] });
}
