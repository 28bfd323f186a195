export {
  type ActionContext,
  type ActorConfig,
  type ActorContext,
  type ActorDefinition,
  type ActorKv,
  type ActorOptions,
  actor,
  type Conn,
  event,
  queue,
} from "@holdfast/actors";
export { HoldfastError, isErrorCode, isHoldfastError, UserError } from "@holdfast/core";
export { type Listening, type ListenOptions, Registry } from "@holdfast/server";
export { type SetupOptions, setup } from "./setup.ts";
