import type { ActorInstance } from "@holdfast/actors";

/** An actor in memory, or on its way there. There is at most one for a name and key. */
export interface Slot {
  /** Whether this load makes the actor when it does not exist. */
  readonly creates: boolean;
  /** Settles when the actor was found or its creation began. */
  readonly loading: Promise<ActorInstance>;
  instance: ActorInstance | undefined;
  /** Resolves when the slot is free again. */
  readonly gone: Promise<void>;
  readonly free: () => void;
}

/** A slot, and the hands of what loads its actor. `freed` is called when it becomes free. */
export function makeSlot(
  creates: boolean,
  freed: () => void,
): { readonly slot: Slot; readonly loading: PromiseWithResolvers<ActorInstance> } {
  const gone = Promise.withResolvers<void>();
  const loading = Promise.withResolvers<ActorInstance>();
  const free = (): void => {
    freed();
    gone.resolve();
  };
  return {
    slot: { creates, loading: loading.promise, instance: undefined, gone: gone.promise, free },
    loading,
  };
}
