import type { ActorInstance, ActorStore } from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { HoldfastError, isErrorCode } from "@holdfast/core";

/**
 * Resolves when the actor of `target` is gone, by this destruction or by another. An instance may end otherwise
 * meanwhile, such as one whose sleep could not be turned any more: then the next one is asked.
 */
export async function destroyActor(
  store: ActorStore,
  target: ActorTarget,
  reach: (target: ActorTarget) => Promise<ActorInstance>,
): Promise<void> {
  let instance = await reach(target);
  for (;;) {
    await instance.ready;
    const reason = await instance.destroy();
    if (reason === "destroyed" || !(await exists(store, instance.id))) return;
    if (reason === "failed") throw notDestroyed();
    try {
      // By its id: the key may have passed to another actor.
      instance = await reach({ type: "id", name: instance.name, id: instance.id });
    } catch (error) {
      if (isErrorCode(error, "actor", "not_found")) return;
      throw error;
    }
  }
}

async function exists(store: ActorStore, id: string): Promise<boolean> {
  const record = await store.get(id);
  return record !== undefined && record.destroyedAt === undefined;
}

function notDestroyed(): HoldfastError {
  const message = "The last commit of the actor failed, and it is still there; try again";
  return new HoldfastError("actor", "not_destroyed", message, { statusCode: 503 });
}
