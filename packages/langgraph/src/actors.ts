import type { AdapterActorOptions } from "@holdfast/adapter-kit";
import type { Client } from "@holdfast/client";
import { threadActor } from "./checkpoints/thread-actor.ts";
import { memoryActor } from "./memory/memory-actor.ts";

/** The actors of this package, for `setup({ use: { ...langGraphActors() } })`. */
export function langGraphActors(options: AdapterActorOptions = {}) {
  return { langGraphThread: threadActor(options), langGraphMemory: memoryActor(options) };
}

/** A client of a registry that has {@link langGraphActors}. */
export type LangGraphClient = Pick<
  Client<{ readonly "~actors"?: ReturnType<typeof langGraphActors> }>,
  "langGraphThread" | "langGraphMemory"
>;

/** How users provide the actors; for messages. */
export const factory = "langGraphActors";
