export {
  type ActionContext,
  type ActorConfig,
  type ActorContext,
  type ActorCron,
  type ActorDefinition,
  type ActorKv,
  type ActorOptions,
  type ActorSchedule,
  actor,
  type CatchUp,
  type Conn,
  type CronFire,
  type CronJobInfo,
  type CronOptions,
  type DeadSchedule,
  type EveryOptions,
  event,
  queue,
  type RetryPolicy,
  type ScheduledEventInfo,
  type ScheduledFireInfo,
  type TypedSchedule,
  typedSchedule,
} from "@holdfast/actors";
export { HoldfastError, isErrorCode, isHoldfastError, UserError } from "@holdfast/core";
export { type Listening, type ListenOptions, Registry } from "@holdfast/server";
export { type SetupOptions, setup } from "./setup.ts";
