/** What an organization has, and how all of it is removed. */
import { isErrorCode } from "@holdfast/core";
import type { BackendHost } from "../host.ts";
import {
  type ConnectionsContext,
  disconnectRepository,
  listRepositories,
} from "../repositories/connections.ts";
import type { RemovalContext, TaskRemoval } from "../tasks/removal.ts";
import { countActive } from "../tasks/rows.ts";

type ContentsContext = ConnectionsContext &
  RemovalContext & { destroy(): void; keepAwake<T>(promise: Promise<T>): Promise<T> };

/** Attempts at a task that something wakes between its stop and its deletion. */
const maxAttempts = 5;

/** The internal actions of the organization about all that it has. */
export function contentsInternals(host: Pick<BackendHost, "ports">, removal: TaskRemoval) {
  return {
    async contents(c: ContentsContext) {
      const repositories = await listRepositories(c);
      const { tasks } = c.state;
      return { tasks, activeTasks: countActive(c.db), repositories: repositories.length };
    },

    /** Stops and deletes all tasks, and disconnects all repositories. Nothing can be added at that time. */
    empty: (c: ContentsContext): Promise<void> => c.keepAwake(empty(host, removal, c)),

    erase: (c: ContentsContext): void => c.destroy(),
  };
}

async function empty(
  { ports }: Pick<BackendHost, "ports">,
  removal: TaskRemoval,
  c: ContentsContext,
): Promise<void> {
  const now = ports.clock.now();
  for (const { id } of await c.db.execute<{ id: string }>("SELECT id FROM task ORDER BY id")) {
    await c.db.execute("UPDATE task SET deleted_at = ?, active = 1 WHERE id = ?", now, id);
    for (let attempt = 1; ; attempt += 1) {
      await stopTask(c, id);
      try {
        await removal.complete(c, id);
        break;
      } catch (error) {
        if (attempt >= maxAttempts || !isErrorCode(error, "task", "busy")) throw error;
      }
    }
  }
  for (const { id } of await listRepositories(c)) await disconnectRepository(c, id);
}

/** Also one that was never begun. */
async function stopTask(c: ContentsContext, id: string): Promise<void> {
  try {
    await c.client().get("task", [id]).action({ name: "stop", args: [] });
  } catch (error) {
    if (!isErrorCode(error, "actor", "not_found")) throw error;
  }
}
