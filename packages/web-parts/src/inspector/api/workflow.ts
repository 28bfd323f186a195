import type { WorkflowEntry, WorkflowHistory } from "./types.ts";

const kindLabels: Readonly<Record<string, string>> = {
  WorkflowStepEntry: "step",
  WorkflowLoopEntry: "loop",
  WorkflowSleepEntry: "sleep",
  WorkflowMessageEntry: "message",
  WorkflowRollbackCheckpointEntry: "rollback checkpoint",
  WorkflowJoinEntry: "join",
  WorkflowRaceEntry: "race",
  WorkflowRemovedEntry: "removed",
  WorkflowVersionCheckEntry: "version",
  WorkflowTryEntry: "try",
  WorkflowValueEntry: "value",
  WorkflowSignalEntry: "signal",
  WorkflowChildEntry: "child",
};

export function entryKindLabel(entry: WorkflowEntry): string {
  return kindLabels[entry.kind.tag] ?? entry.kind.tag;
}

/** The location of an entry, such as `payments / 2 / charge` for a step in the third iteration of a loop. */
export function entryName(history: WorkflowHistory, entry: WorkflowEntry): string {
  return entry.location
    .map((segment) =>
      segment.tag === "WorkflowNameIndex"
        ? (history.nameRegistry[segment.val] ?? "?")
        : segment.val.iteration,
    )
    .join(" / ");
}

/** Its nesting depth in loops, branches and tries. */
export function entryDepth(entry: WorkflowEntry): number {
  return entry.location.filter(({ tag }) => tag === "WorkflowNameIndex").length - 1;
}
