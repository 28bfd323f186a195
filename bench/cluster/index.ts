import type { Scenario } from "../internal/scenario.ts";
import { commitScenario } from "./commits.ts";
import { opening, sqlTurns, waking } from "./databases.ts";
import { forwardedCalls } from "./forwarded.ts";
import { hotActor } from "./hot-actor.ts";
import { redisScenario } from "./redis.ts";
import { scale } from "./scale.ts";
import { dueLookUp, idleNode } from "./sleepers.ts";
import { drain, quickTakeover, takeoverByDefault } from "./takeover.ts";

export const scenarios: readonly Scenario[] = [
  commitScenario(1),
  commitScenario(32, 0.6),
  commitScenario(256, 0.6),
  redisScenario(1),
  redisScenario(32),
  redisScenario(256),
  hotActor,
  sqlTurns,
  waking,
  opening,
  forwardedCalls,
  quickTakeover,
  takeoverByDefault,
  drain,
  scale,
  dueLookUp,
  idleNode,
];
