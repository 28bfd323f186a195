import type { Place } from "../place.ts";

/** Starts nodes for actors that no running one takes. */
export interface Starter {
  /**
   * Resolves to true if a node takes the actors with this name and place by now, or has been asked for; false if this
   * node knows of none that could. Throws `cluster.start_failed`.
   */
  start(name: string, place: Place | undefined): Promise<boolean>;
  /** Time that a request waits for the node, in addition to that for one that runs. */
  readonly waitMs: number;
}
