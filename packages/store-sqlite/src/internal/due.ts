import type { ActorRecord, DueCursor, DueFilter } from "@holdfast/actors";
import { actorRecord } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** `ActorStore.due` with a filter. Reads past other actors: a store of one node has no index by shard. */
export function filteredDue(
  sql: Pick<Statements, "waking">,
  now: number,
  limit: number,
  after: DueCursor,
  filter: DueFilter,
): { readonly actors: readonly ActorRecord[]; readonly nextAt?: number } {
  const actors: ActorRecord[] = [];
  let nextAt: number | undefined;
  for (const row of sql.waking.iterate(after.wakeAt, after.id)) {
    const record = actorRecord(row);
    if (!filter.selects(record)) continue;
    nextAt ??= record.wakeAt;
    if (record.wakeAt === undefined || record.wakeAt > now || actors.length >= limit) break;
    actors.push(record);
  }
  return { actors, ...(nextAt === undefined ? {} : { nextAt }) };
}
