import type { AnyDefinition } from "../definition.ts";
import type { ActorHost, HibernatedConnection } from "./instance.ts";
import type { LoadedActor } from "./store.ts";

/** Whether the instance creates its actor or wakes it, and the data for that. */
export type InstanceStart =
  | { readonly type: "create"; readonly input?: unknown }
  | {
      readonly type: "wake";
      readonly loaded: LoadedActor;
      /** Connections that the host kept while the actor slept. */
      readonly held?: readonly HibernatedConnection[];
    };

/** Options of a new instance. */
export interface InstanceOptions {
  readonly definition: AnyDefinition;
  readonly id: string;
  readonly name: string;
  /** Its name in the store, which includes its namespace; `name` by default. */
  readonly storedName?: string;
  readonly key: readonly string[];
  /** Where it may run, if not everywhere. */
  readonly place?: string | undefined;
  /** 1 for a create; the result of `acquire` for a wake. */
  readonly epoch: number;
  readonly start: InstanceStart;
  readonly host: ActorHost;
}
