import type { UserRepository } from "../../cluster/repositories.ts";
import type { TaskState } from "../task-state.ts";

/** The repository of a task, as its branches are applied to it. */
export function repositoryOf({ repository, repositoryNode, connected }: TaskState): UserRepository {
  return {
    ...{ path: repository, node: repositoryNode },
    ...(connected === undefined ? {} : { connected: { ...connected } }),
  };
}
