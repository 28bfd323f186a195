import { isErrorCode } from "@holdfast/core";
import { movedConnectionWrites } from "../internal/connections/moved-records.ts";
import type { ActorStore } from "./store.ts";

/** An actor out of memory, as its last owner left it. */
export interface ActorPosition {
  readonly id: string;
  readonly epoch: number;
  /** Version of its last commit. */
  readonly version: number;
}

/**
 * Stores what the host knows of an actor's connections, before another node serves the actor: `restoreConnections` of
 * the next host gets it. The actor must be out of memory. Returns false if another owner has taken over: nothing was
 * stored. May be repeated after other errors, which are those of `commit`.
 */
export async function storeMovedConnections(
  store: Pick<ActorStore, "commit" | "get">,
  { id, epoch, version }: ActorPosition,
  document: Uint8Array,
  commitId: string,
): Promise<boolean> {
  const kv = movedConnectionWrites(document);
  try {
    await store.commit({ actorId: id, epoch, version: version + 1, commitId, kv });
    return true;
  } catch (error) {
    if (!isErrorCode(error, "actor", "fenced") && !isErrorCode(error, "actor", "not_found")) throw error;
    // An earlier attempt may have been applied although it failed.
    const record = await store.get(id);
    return record?.epoch === epoch && record.version === version + 1 && record.destroyedAt === undefined;
  }
}
