/** Memory of a graph across its threads: the actor that keeps it, and the store that calls it. */
import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { type AdapterActorOptions, largeAction, largeCallActions } from "@holdfast/adapter-kit";
import { listNamespaces, migrateMemory, putItems, readItems, searchItems } from "./memory-tables.ts";

/**
 * The items below one namespace root. Searches and lists look below a prefix, so all that a prefix can reach is in
 * one database; roots are mostly users or tenants, so that they share neither a queue of calls nor a file.
 */
export function memoryActor(options: AdapterActorOptions) {
  return actor({
    options: { name: "LangGraph memory", icon: "🧠", ...options.options, concurrency: "serial" },
    db: db({ onMigrate: migrateMemory }),
    ...(options.onAuth === undefined ? {} : { onAuth: options.onAuth }),
    actions: {
      ...largeCallActions,
      putItems: largeAction(putItems),
      readItems: largeAction(readItems),
      searchItems: largeAction(searchItems),
      listNamespaces: largeAction(listNamespaces),
    },
  });
}
