import type { ActorInstance } from "../../ports/instance.ts";
import type { OutgoingEvent } from "../../ports/outgoing-event.ts";
import type { WatcherRegistry } from "../inspect/watching.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";

/** The components that connections work with. */
export interface ConnectionsDependencies
  extends Pick<
    ActorCore,
    | "activity"
    | "context"
    | "definition"
    | "errors"
    | "inTransaction"
    | "phase"
    | "ports"
    | "queue"
    | "records"
    | "state"
    | "transactionLock"
    | "turn"
  > {
  readonly inspection:
    | { readonly watching: WatcherRegistry; broadcast(event: OutgoingEvent): void }
    | undefined;
  readonly instance: ActorInstance;
}
