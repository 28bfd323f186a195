import type { ActorInstance } from "../../ports/instance.ts";
import type { OutgoingEvent } from "../../ports/outgoing-event.ts";
import type { Watching } from "../inspect/watching.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";

/** The actor that the connections lead to. */
export interface ConnectionsOwner extends RunningActor, ActorInstance {
  readonly inspection: { readonly watching: Watching; broadcast(event: OutgoingEvent): void } | undefined;
  /** Counts what left for somebody and cannot be taken back. */
  sends: number;
  /** An output could not leave, or could not be told that it does not. */
  outputThrew(error: unknown): void;
}
