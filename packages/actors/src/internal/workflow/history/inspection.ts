import type { WorkflowPart } from "../run/part.ts";
import type { Entry } from "./history.ts";
import type {
  WorkflowEntryMetadata,
  WorkflowHistorySnapshot,
  WorkflowInspection,
  WorkflowLocationSegment,
} from "./inspected.ts";
import type { Segment } from "./location.ts";
import type { EntryKind } from "./record.ts";

const tags: Readonly<Record<EntryKind, string>> = {
  step: "WorkflowStepEntry",
  loop: "WorkflowLoopEntry",
  sleep: "WorkflowSleepEntry",
  message: "WorkflowMessageEntry",
  rollback_checkpoint: "WorkflowRollbackCheckpointEntry",
  join: "WorkflowJoinEntry",
  race: "WorkflowRaceEntry",
  removed: "WorkflowRemovedEntry",
  version_check: "WorkflowVersionCheckEntry",
  try: "WorkflowTryEntry",
  value: "WorkflowValueEntry",
  signal: "WorkflowSignalEntry",
  child: "WorkflowChildEntry",
};

/** The workflow of an actor as inspectors show it; loads the history of a finished one. */
export async function inspectWorkflow(part: WorkflowPart | undefined): Promise<WorkflowInspection> {
  if (part === undefined) return { history: null, workflowState: null, isWorkflowEnabled: false };
  await part.ensureLoaded();
  return { history: snapshot(part), workflowState: part.header.state, isWorkflowEnabled: true };
}

function snapshot(part: WorkflowPart): WorkflowHistorySnapshot {
  const names = new Map<string, number>();
  const indexOf = (name: string): number => {
    const existing = names.get(name);
    if (existing !== undefined) return existing;
    names.set(name, names.size);
    return names.size - 1;
  };
  const all = part.history.all();
  const entries = all.map((entry) => ({
    id: entryId(part, entry),
    location: location(entry.path, indexOf),
    kind: { tag: tags[entry.kind], val: shown(entry) },
  }));
  const entryMetadata = Object.fromEntries(all.map((entry) => [entryId(part, entry), metadata(entry)]));
  return { nameRegistry: [...names.keys()], entries, entryMetadata };
}

/** Unique in the history of an actor, across runs. */
export function entryId(part: WorkflowPart, entry: Entry): string {
  return `${part.generation}-${entry.ordinal}`;
}

function location(
  path: readonly Segment[],
  indexOf: (name: string) => number,
): readonly WorkflowLocationSegment[] {
  return path.map((segment, at) => {
    if (typeof segment === "string") return { tag: "WorkflowNameIndex", val: indexOf(segment) };
    const loop = path[at - 1];
    return {
      tag: "WorkflowLoopIterationMarker",
      val: { loop: indexOf(typeof loop === "string" ? loop : ""), iteration: segment },
    };
  });
}

function shown({ kind, data, error }: Entry): Readonly<Record<string, unknown>> {
  switch (kind) {
    case "step":
      return { output: data.output, error: error?.message ?? null };
    case "loop":
      return { state: data.state, iteration: data.iteration ?? 0, output: data.output };
    case "child":
      // The token authenticates a child, so it is never shown.
      return { actor: data.actor, key: data.key, output: data.output };
    case "sleep":
    case "message":
    case "rollback_checkpoint":
    case "join":
    case "race":
    case "removed":
    case "version_check":
    case "try":
    case "value":
    case "signal":
      return data;
  }
}

function metadata(entry: Entry): WorkflowEntryMetadata {
  return {
    status: entry.status,
    error: entry.error?.message ?? null,
    attempts: entry.attempts,
    lastAttemptAt: entry.lastAttemptAt ?? entry.createdAt,
    createdAt: entry.createdAt,
    completedAt: entry.completedAt ?? null,
    rollbackCompletedAt: entry.rollbackCompletedAt ?? null,
    rollbackError: entry.rollbackError ?? null,
  };
}
