import { createContext, useContext } from "react";
import { type ActorInspector, inspect } from "./actors.ts";
import type { LiveFeed, LiveSnapshot } from "./live.ts";
import type { ActorAddress, InspectedActor } from "./types.ts";

/** The actor whose page is open. */
export interface OpenActor {
  readonly address: ActorAddress;
  readonly actor: InspectedActor;
  readonly live: LiveSnapshot;
  readonly feed: LiveFeed;
}

const OpenActorContext = createContext<OpenActor | undefined>(undefined);

export const OpenActorProvider = OpenActorContext.Provider;

export function useOpenActor(): OpenActor & { readonly api: ActorInspector } {
  const open = useContext(OpenActorContext);
  if (open === undefined) throw new Error("useOpenActor must be used inside an OpenActorProvider");
  return { ...open, api: inspect(open.address) };
}
