/** Memory of agents: the actor that keeps it, and the storage that calls it. */
import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { type AdapterActorOptions, largeAction, largeCallActions } from "@holdfast/adapter-kit";
import { deleteMessages, listMessages, messagesById, saveMessages, updateMessages } from "./messages.ts";
import { clearMemory, migrateMemory } from "./tables.ts";
import {
  clearStates,
  copyThread,
  deleteThread,
  listThreads,
  readResource,
  readState,
  readThread,
  saveResource,
  saveThread,
  updateResource,
  updateThread,
  writeState,
} from "./threads.ts";

/**
 * Threads, messages, resources and states of threads. They share an actor, since messages are addressed by their id
 * alone, and lists go across threads.
 */
export function memoryActor(options: AdapterActorOptions) {
  return actor({
    options: { name: "Mastra memory", icon: "🧠", ...options.options, concurrency: "serial" },
    db: db({ onMigrate: migrateMemory }),
    ...(options.onAuth === undefined ? {} : { onAuth: options.onAuth }),
    actions: {
      ...largeCallActions,
      readThread: largeAction(readThread),
      saveThread: largeAction(saveThread),
      updateThread: largeAction(updateThread),
      deleteThread: largeAction(deleteThread),
      listThreads: largeAction(listThreads),
      copyThread: largeAction(copyThread),
      listMessages: largeAction(listMessages),
      messagesById: largeAction(messagesById),
      saveMessages: largeAction(saveMessages),
      updateMessages: largeAction(updateMessages),
      deleteMessages: largeAction(deleteMessages),
      readResource: largeAction(readResource),
      saveResource: largeAction(saveResource),
      updateResource: largeAction(updateResource),
      readState: largeAction(readState),
      writeState: largeAction(writeState),
      clearMemory: largeAction(clearMemory),
      clearStates: largeAction(clearStates),
    },
  });
}
