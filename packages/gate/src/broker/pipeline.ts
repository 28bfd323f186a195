import { HoldfastError } from "@holdfast/core";
import { Executor } from "./executor.ts";
import { AuthorizeStage } from "./stages/authorize.ts";
import { ConfirmStage } from "./stages/confirm.ts";
import { ConstructStage } from "./stages/construct.ts";
import { PayloadStage } from "./stages/payload.ts";
import { RouteStage } from "./stages/route.ts";
import { type StageName, stageNames } from "./stages/stage.ts";
import { TopicStage } from "./stages/topic.ts";

/** The six stages of every call, in order. */
export interface Pipeline {
  readonly construct: ConstructStage;
  readonly topic: TopicStage;
  readonly payload: PayloadStage;
  readonly authorize: AuthorizeStage;
  readonly confirm: ConfirmStage;
  readonly route: RouteStage;
}

const real: Readonly<Record<StageName, new (...parts: never[]) => unknown>> = {
  construct: ConstructStage,
  topic: TopicStage,
  payload: PayloadStage,
  authorize: AuthorizeStage,
  confirm: ConfirmStage,
  route: RouteStage,
};

/**
 * Refuses a pipeline unless every stage is exactly the one that this package ships, so that none can be replaced by
 * one that allows everything. Throws `broker.stage_missing`.
 */
export function assertRealStages(pipeline: Pipeline, executor: Executor): void {
  for (const name of stageNames) {
    const stage = pipeline[name];
    const genuine =
      typeof stage === "object" &&
      Object.getPrototypeOf(stage) === real[name].prototype &&
      stage.name === name &&
      !Object.hasOwn(stage, "run");
    if (!genuine) throw missing(name);
  }
  if (Object.getPrototypeOf(executor) !== Executor.prototype || Object.hasOwn(executor, "run")) {
    throw missing("executor");
  }
}

function missing(name: string): HoldfastError {
  return new HoldfastError(
    "broker",
    "stage_missing",
    `The broker's stage ${name} was replaced. The gate does not start`,
    { statusCode: 500 },
  );
}
