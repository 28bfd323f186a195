import type { SavedView, TaskSummary } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { type ConnectionsContext, restoreRepository } from "../repositories/connections.ts";
import type { RepositorySummary } from "../repositories/contract.ts";
import { firstPieces } from "../tasks/add.ts";
import { archiveRow, insertRow } from "../tasks/rows.ts";
import type { TaskDatabase } from "../tasks/schema.ts";
import { addFirstText, piecesOf } from "../tasks/text.ts";

type PortableContext = ConnectionsContext & {
  readonly state: { tasks: number; textBytes?: number };
  readonly db: TaskDatabase;
  readonly kv: {
    put(key: string, value: string): Promise<void>;
    list(prefix: string): Promise<[key: string, value: string][]>;
  };
};

export interface PersonViews {
  readonly person: string;
  readonly views: readonly SavedView[];
}

const tasksPerPage = 200;
const viewsPrefix = "views/";

/** The internal actions of the organization for its export and its import. */
export function portableInternals(host: Pick<BackendHost, "valueTokens">) {
  return {
    /** Ids of tasks in their order, after one of them. */
    taskIds: (c: PortableContext, after: string) =>
      c.db
        .query<{ id: string; archived_at: number | null }>(
          "SELECT id, archived_at FROM task WHERE id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?",
          after,
          tasksPerPage,
        )
        .map(({ id, archived_at: at }) => ({ id, ...(at === null ? {} : { archivedAt: at }) })),

    /** The views that each person has saved. */
    async allViews(c: PortableContext): Promise<readonly PersonViews[]> {
      return (await c.kv.list(viewsPrefix)).map(([key, value]) => ({
        person: key.slice(viewsPrefix.length),
        views: (JSON.parse(value) as { readonly views: readonly SavedView[] }).views,
      }));
    },

    async restoreViews(c: PortableContext, all: readonly PersonViews[]): Promise<void> {
      for (const { person, views } of all)
        await c.kv.put(
          `${viewsPrefix}${String(person)}`,
          JSON.stringify({ version: 1, views: [...views].slice(0, studioLimits.maxSavedViews) }),
        );
    },

    restoreRepository: (c: PortableContext, id: string, source: unknown): Promise<RepositorySummary> =>
      restoreRepository(host, c, id, source),

    /** Adds a task of an import, which is at rest, to the list, before its actor is created. */
    async restoreTask(c: PortableContext, summary: TaskSummary, archivedAt: number | null): Promise<void> {
      const row = { summary, revision: 1, wake: 0, active: false };
      if (!(await insertRow(c.db, row))) return;
      c.state.tasks += 1;
      const pieces = [...firstPieces(summary), ...piecesOf("prompt", summary.title)];
      c.state.textBytes = (c.state.textBytes ?? 0) + (await addFirstText(c.db, summary.id, pieces));
      if (archivedAt !== null) await archiveRow(c.db, summary.id, archivedAt);
    },
  };
}
