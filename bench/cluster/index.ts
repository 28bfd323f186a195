import type { Scenario } from "../internal/scenario.ts";
import { commitScenario } from "./commits.ts";
import { opening, sqlTurns, waking } from "./databases.ts";
import { hotActor } from "./hot-actor.ts";

export const scenarios: readonly Scenario[] = [
  commitScenario(1),
  commitScenario(32, 0.6),
  commitScenario(256, 0.6),
  hotActor,
  sqlTurns,
  waking,
  opening,
];
