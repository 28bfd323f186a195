/** Checkpoints of a thread: the actor that keeps them, and the saver that calls it. */
import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { type AdapterActorOptions, largeAction, largeCallActions } from "@holdfast/adapter-kit";
import { latestCheckpoint, listHeads, readCheckpoints } from "./thread-reads.ts";
import { migrateThread } from "./thread-tables.ts";
import { putCheckpoint, putWrites } from "./thread-writes.ts";

/** One thread of a graph: its checkpoints in all namespaces, the values of their channels, their pending writes. */
export function threadActor(options: AdapterActorOptions) {
  return actor({
    options: { name: "LangGraph thread", icon: "🧵", ...options.options, concurrency: "serial" },
    db: db({ onMigrate: migrateThread }),
    ...(options.onAuth === undefined ? {} : { onAuth: options.onAuth }),
    actions: {
      ...largeCallActions,
      putCheckpoint: largeAction(putCheckpoint),
      putWrites: largeAction(putWrites),
      latestCheckpoint: largeAction(latestCheckpoint),
      readCheckpoints: largeAction(readCheckpoints),
      listHeads: largeAction(listHeads),
      /** Removes the thread with all of its data. */
      destroy: (c): void => c.destroy(),
    },
  });
}
