import { actor, db } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { SharedPluginAnswer, SharedPluginCall } from "@holdfast/gate";
import { callMemory, MemoryStore, memorySchema } from "@holdfast/plugins/memory";
import type { EarlierRows } from "./earlier-data/earlier-rows.ts";
import { type EarlierMemory, takeMemories } from "./earlier-data/take-memories.ts";
import { answerOf } from "./tool-answers.ts";

/**
 * The memory of one group, in the database of its actor: the memory plugin's tables and tools, without its process. A
 * call that is refused changes nothing.
 */
export function createMemoryActor({ clock }: Pick<Ports, "clock">) {
  return actor({
    state: { version: 1 as const },
    db: db({
      onMigrate: async (database) => {
        const tables = await database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'entries'");
        if (tables.length === 0) await database.execute(memorySchema);
      },
    }),
    options: { name: "Memory" },
    onWake: (c) => new MemoryStore(c.db, () => clock.now()).prune(),
    actions: {
      internal: {
        async invoke(c, call: SharedPluginCall): Promise<SharedPluginAnswer> {
          const store = new MemoryStore(c.db, () => clock.now());
          return answerOf(() => callMemory(store, call.tool, call.arguments, call.context));
        },
        /** Adds what a node remembered before it was in a cluster. */
        takeOver: (c, _group: string, request: EarlierRows<EarlierMemory>): Promise<number> =>
          c.db.transaction((tx) => takeMemories(tx, request)),
        async verify(c): Promise<void> {
          await new MemoryStore(c.db).search({ query: "anything" });
        },
      },
    },
  });
}
