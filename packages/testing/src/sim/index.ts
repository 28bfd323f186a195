/** The deterministic simulator: clock, network, store and process under its control. */
export { type DayOutcome, type Sample, simulateDay } from "./day.ts";
export { type Plant, plants } from "./plants.ts";
export { type SimOptions, type SimOutcome, simulate, simulateTwice } from "./run.ts";
