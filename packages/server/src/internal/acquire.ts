/** Addresses, slots and acquisition of actors. */
import type { ActorRecord, ActorStore, LoadedActor } from "@holdfast/actors";
import { type ActorKey, isErrorCode } from "@holdfast/core";

/** Acquires the living actor with this name and key, if `check` does not throw; undefined if there is none. */
export async function acquireByKey(
  store: ActorStore,
  name: string,
  key: ActorKey,
  check: (record: ActorRecord) => Promise<void> | void,
): Promise<LoadedActor | undefined> {
  for (;;) {
    const record = await store.find(name, key);
    if (record === undefined) return undefined;
    const checking = check(record);
    if (checking !== undefined) await checking;
    try {
      return await store.acquire(record.id);
    } catch (error) {
      // Destroyed after it was found: another actor may have its key now.
      if (!isErrorCode(error, "actor", "not_found")) throw error;
    }
  }
}
