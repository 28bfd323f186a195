/** Runs of workflows: the actor that keeps their snapshots, and the storage that calls it. */
import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { type AdapterActorOptions, largeAction, largeCallActions } from "@holdfast/adapter-kit";
import {
  addStepResult,
  changeState,
  clearRuns,
  deleteRun,
  findRun,
  listRuns,
  migrateWorkflows,
  readRun,
  saveRun,
} from "./workflow-tables.ts";

/** Snapshots of runs. They share an actor, since a run can be addressed without its workflow, and lists go across runs. */
export function workflowActor(options: AdapterActorOptions) {
  return actor({
    options: { name: "Mastra workflows", icon: "🔀", ...options.options, concurrency: "serial" },
    db: db({ onMigrate: migrateWorkflows }),
    ...(options.onAuth === undefined ? {} : { onAuth: options.onAuth }),
    actions: {
      ...largeCallActions,
      readRun: largeAction(readRun),
      findRun: largeAction(findRun),
      saveRun: largeAction(saveRun),
      addStepResult: largeAction(addStepResult),
      changeState: largeAction(changeState),
      listRuns: largeAction(listRuns),
      deleteRun: largeAction(deleteRun),
      clearRuns: largeAction(clearRuns),
    },
  });
}
