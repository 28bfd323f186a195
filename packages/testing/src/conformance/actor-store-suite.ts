import type { ActorStore } from "@holdfast/actors";
import type { ManualClock } from "../store/manual-clock.ts";

/** Context of the cases: one store, in which each case creates its own actors. */
export interface Suite {
  readonly clock: ManualClock;
  /** The store that is currently open. */
  store(): ActorStore;
  /** Reopens the store if it supports that; the cases pass either way. */
  reopen(): Promise<ActorStore>;
}
