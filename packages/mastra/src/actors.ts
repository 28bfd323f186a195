import type { AdapterActorOptions } from "@holdfast/adapter-kit";
import type { Client } from "@holdfast/client";
import { memoryActor } from "./memory/memory-actor.ts";
import { workflowActor } from "./workflows/workflow-actor.ts";

/** The actors of this package, for `setup({ use: { ...mastraActors() } })`. */
export function mastraActors(options: AdapterActorOptions = {}) {
  return { mastraMemory: memoryActor(options), mastraWorkflows: workflowActor(options) };
}

/** A client of a registry that has {@link mastraActors}. */
export type MastraClient = Pick<
  Client<{ readonly "~actors"?: ReturnType<typeof mastraActors> }>,
  "mastraMemory" | "mastraWorkflows"
>;
