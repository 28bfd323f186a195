/** Deterministic simulator that controls clock, network, store and processes. */
export { type DayOutcome, type Sample, simulateDay } from "./day.ts";
export { History, type Model } from "./linearizability.ts";
export { type PlantedBug, plantedBugs, plantedClusterBugs } from "./planted-bugs.ts";
export { type SimOptions, type SimOutcome, simulate, simulateTwice } from "./run.ts";
export { allWorkloads, clusterWorkloads } from "./workloads/index.ts";
