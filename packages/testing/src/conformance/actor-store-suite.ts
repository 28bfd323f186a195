import type { ActorStore } from "@holdfast/actors";
import type { ManualClock } from "../store/manual-clock.ts";

/** What the cases share: one store, each case with actors of its own. */
export interface Suite {
  readonly clock: ManualClock;
  /** The store as it is open now. */
  store(): ActorStore;
  /** Opens the store again where that is possible; the cases hold either way. */
  reopen(): Promise<ActorStore>;
}
