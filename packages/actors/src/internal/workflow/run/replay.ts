import { HoldfastError } from "@holdfast/core";
import type { Entry, History, ScopeNode } from "../history/history.ts";
import { entryId } from "../history/inspection.ts";
import type { WorkflowPart } from "./part.ts";

/**
 * Runs a finished workflow again: from the entry with this id, or from the beginning. Everything before is replayed.
 * Throws `actor.workflow_in_flight`, `workflow.entry_not_found`, `workflow.not_replayable`.
 */
export async function replayWorkflow(part: WorkflowPart, id: string | undefined): Promise<void> {
  await part.restart(id === undefined, () => {
    if (id === undefined) return part.history.clear();
    const entry = part.history.all().find((candidate) => entryId(part, candidate) === id);
    if (entry === undefined) {
      throw new HoldfastError("workflow", "entry_not_found", `The history has no entry "${id}"`, {
        statusCode: 404,
      });
    }
    forget(part.history, firstToRepeat(part.history, entry));
  });
}

/** A rolled-back step runs again, with everything around it: the replay begins there if that comes first. */
function firstToRepeat(history: History, asked: Entry): Entry {
  const undone = history.all().find(({ rollbackCompletedAt }) => rollbackCompletedAt !== undefined);
  const around = undone && history.root.entries.get(String(undone.path[0]));
  return around !== undefined && around.ordinal <= asked.ordinal ? around : asked;
}

/** Deletes an entry and everything that began after it, and reopens the entries around it. */
function forget(history: History, from: Entry): void {
  const scopes: ScopeNode[] = [history.root];
  const around: { readonly entry: Entry; readonly branch: string | number }[] = [];
  for (let at = 0; at + 2 < from.path.length; at += 2) {
    const entry = scopes.at(-1)?.entries.get(String(from.path[at]));
    const branch = from.path[at + 1];
    if (entry === undefined || branch === undefined) break;
    around.push({ entry, branch });
    scopes.push(history.scope(entry, branch));
  }
  for (const { entry, branch } of around) {
    if (entry.kind === "loop" && branch !== entry.data.iteration) {
      const message = "Only the last iteration of a loop can be replayed: the state before it is not kept";
      throw new HoldfastError("workflow", "not_replayable", message, { statusCode: 409 });
    }
  }
  for (const scope of scopes) {
    for (const entry of [...scope.entries.values()]) {
      if (entry.ordinal >= from.ordinal) history.remove(scope, entry);
    }
  }
  for (const { entry, branch } of around) reopen(history, entry, branch);
}

function reopen(history: History, entry: Entry, branch: string | number): void {
  entry.status = "running";
  entry.completedAt = undefined;
  entry.error = undefined;
  if (entry.kind === "loop") {
    const { output: _, ...data } = entry.data;
    entry.data = data;
  } else if (entry.kind === "join" || entry.kind === "race") {
    const { [branch]: _, ...branches } = { ...(entry.data.branches as Record<string, unknown>) };
    entry.data = { branches };
  }
  history.save(entry);
}
