import type { AnyDefinition } from "../definition.ts";
import type { ActorHost, HibernatedConnection } from "./instance.ts";
import type { LoadedActor } from "./store.ts";

/** Whether the instance makes its actor or wakes it, and with what. */
export type InstanceStart =
  | { readonly type: "create"; readonly input?: unknown }
  | {
      readonly type: "wake";
      readonly loaded: LoadedActor;
      /** The connections that the host kept since the actor went to sleep. */
      readonly held?: readonly HibernatedConnection[];
    };

/** What an instance is started with. */
export interface InstanceOptions {
  readonly definition: AnyDefinition;
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  /** 1 for a create; what `acquire` returned for a wake. */
  readonly epoch: number;
  readonly start: InstanceStart;
  readonly host: ActorHost;
}
