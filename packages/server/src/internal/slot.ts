import type { ActorInstance } from "@holdfast/actors";

/** An actor in memory, or on its way there. There is at most one for a name and key. */
export interface Slot {
  /** What is asked of this load: its failure is no answer to those who ask for something else. */
  readonly purpose: Purpose;
  /** Settles when the actor was found or its creation began. */
  readonly loading: Promise<ActorInstance>;
  instance: ActorInstance | undefined;
  /** Resolves when the slot is free again. */
  readonly gone: Promise<void>;
  readonly free: () => void;
}

/** Finds an actor; finds it or makes it; makes it where there is none. */
export type Purpose = "get" | "getOrCreate" | "create";

/** A slot, and the hands of what loads its actor. `freed` is called when it becomes free. */
export function makeSlot(
  purpose: Purpose,
  freed: () => void,
): { readonly slot: Slot; readonly loading: PromiseWithResolvers<ActorInstance> } {
  const gone = Promise.withResolvers<void>();
  const loading = Promise.withResolvers<ActorInstance>();
  const free = (): void => {
    freed();
    gone.resolve();
  };
  return {
    slot: { purpose, loading: loading.promise, instance: undefined, gone: gone.promise, free },
    loading,
  };
}
