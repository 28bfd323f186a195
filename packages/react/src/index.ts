/** React hooks for the Holdfast client. */
export type { ActorConn, ActorHandle, Client, ClientConfig, ConnStatus } from "@holdfast/client";
export { createClient } from "@holdfast/client";
export { createHoldfast, createHoldfastWithClient } from "./create.ts";
export type {
  ActorSnapshot,
  HoldfastReact,
  HoldfastReactOptions,
  UseActionResult,
  UseActorOptions,
  UseActorResult,
  UseActorStateOptions,
  UseActorStateResult,
  UseEvent,
} from "./types.ts";
export { useAction } from "./use-action.ts";
export { useActorState } from "./use-actor-state.ts";
export { useEvent } from "./use-event.ts";
