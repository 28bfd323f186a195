export { type Plant, plants } from "./plants.ts";
export { type SimOptions, type SimOutcome, simulate, simulateTwice } from "./run.ts";
