import type { Entry, ScopeNode } from "../history/history.ts";
import type { WorkflowRun } from "../run/run.ts";
import { isPlainReceive, receivedRecords } from "./receive.ts";

/**
 * Gives back what a branch that has lost received last and did nothing with: no entry comes after the
 * receive, so nothing has come of it. A branch can lose while what it has received becomes durable, and
 * that would be gone otherwise. Belongs to the turn that records the end of the race.
 */
export function returnUnusedMessages(run: WorkflowRun, scope: ScopeNode): void {
  const last = lastOf(scope);
  if (last === undefined) return;
  if (last.status === "completed" && putBack(run, last)) {
    // Where the branch is kept for its rollbacks, nobody may find it there for a second time.
    run.history.remove(scope, last);
    return;
  }
  for (const below of newest(last)) returnUnusedMessages(run, below);
}

/** False for an entry that has taken nothing. */
function putBack(run: WorkflowRun, entry: Entry): boolean {
  if (isPlainReceive(entry)) {
    const { queues } = run.actor.parts;
    for (const { id, name, body, createdAt, attempt } of receivedRecords(entry)) {
      queues.putBack({ id, queue: name, body, createdAt, attempt: attempt - 1 });
    }
    return true;
  }
  if (entry.kind !== "signal" || entry.data.timedOut === true) return false;
  run.owner.signals.putBack(String(entry.data.signal), entry.data.payload);
  return true;
}

function lastOf({ entries }: ScopeNode): Entry | undefined {
  let last: Entry | undefined;
  for (const entry of entries.values()) {
    if (last === undefined || entry.ordinal > last.ordinal) last = entry;
  }
  return last;
}

/** What is below an entry; of a loop the last iteration, since the state carries what those before received. */
function newest({ kind, scopes }: Entry): Iterable<ScopeNode> {
  if (kind !== "loop") return scopes.values();
  const last = scopes.get(Math.max(...[...scopes.keys()].map(Number)));
  return last === undefined ? [] : [last];
}
