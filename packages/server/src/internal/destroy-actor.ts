import type { ActorInstance, ActorStore } from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { HoldfastError, isErrorCode } from "@holdfast/core";

/**
 * Resolves when the actor of `target` is destroyed, by this request or another. If the instance ends otherwise in the
 * meantime, such as by a sleep that could not be turned into a destruction, the next instance is asked.
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
      // By its id: the key may belong to another actor by now.
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
  const message = "The last commit of the actor failed, so it still exists. Try again";
  return new HoldfastError("actor", "not_destroyed", message, { statusCode: 503 });
}
