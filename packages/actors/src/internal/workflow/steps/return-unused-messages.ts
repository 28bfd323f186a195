import type { Entry, ScopeNode } from "../history/history.ts";
import type { WorkflowRun } from "../run/run.ts";
import { isPlainReceive, receivedRecords } from "./receive.ts";

/**
 * Returns the messages that a branch that has lost received last and did not use: no entry comes after the receive. A
 * branch can lose while its messages become durable, and they would be lost otherwise. Belongs to the turn that
 * records the end of the race.
 */
export function returnUnusedMessages(run: WorkflowRun, scope: ScopeNode): void {
  const last = lastOf(scope);
  if (last === undefined) return;
  if (last.status === "completed" && putBack(run, last)) {
    // If the branch is kept for its rollbacks, the messages must not be found there a second time.
    run.history.remove(scope, last);
    return;
  }
  for (const below of newest(last)) returnUnusedMessages(run, below);
}

/** Returns false for an entry without messages. */
function putBack(run: WorkflowRun, entry: Entry): boolean {
  if (isPlainReceive(entry)) {
    const { queues } = run.actor.parts;
    for (const { id, name, body, createdAt, attempt } of receivedRecords(entry)) {
      queues.requeueDeleted({ id, queue: name, body, createdAt, attempt: attempt - 1 });
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

/**
 * The entries below an entry; of a loop only the last iteration, because the state contains what earlier ones
 * received.
 */
function newest({ kind, scopes }: Entry): Iterable<ScopeNode> {
  if (kind !== "loop") return scopes.values();
  const last = scopes.get(Math.max(...[...scopes.keys()].map(Number)));
  return last === undefined ? [] : [last];
}
