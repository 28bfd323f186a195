import type { AnyActorDefinition, EventArguments, EventName } from "@holdfast/client";
import { useConnectionEvent } from "./create.ts";
import type { ActorSnapshot, EventsOf } from "./types.ts";

/** Calls back for each event of a `useActor` actor while the component is mounted. */
export function useEvent<
  D extends AnyActorDefinition,
  Name extends EventName<EventsOf<D>>,
  Args extends EventArguments<EventsOf<D>, Name>,
>(actor: ActorSnapshot<D>, event: Name, callback: (...args: Args) => void): void {
  useConnectionEvent(actor.connection, event, callback as (...args: unknown[]) => void);
}
