export type { ConnStatus as ActorConnStatus } from "@holdfast/client";
export {
  type ActorSnapshot,
  createClient,
  createHoldfast,
  createHoldfast as createRivetKit,
  createHoldfastWithClient,
  createHoldfastWithClient as createRivetKitWithClient,
  type HoldfastReact,
  type UseActionResult,
  type UseActorOptions,
  type UseActorResult,
  type UseActorStateOptions,
  type UseActorStateResult,
  useAction,
  useActorState,
  useEvent,
} from "@holdfast/react";
export { ActorConnDisposed } from "./types/client-errors.ts";
