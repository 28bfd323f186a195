import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { type AdapterActorOptions, largeAction, largeCallActions } from "@holdfast/adapter-kit";
import type { Client } from "@holdfast/client";
import {
  addItems,
  applyOperation,
  clearItems,
  loadRun,
  migrateSession,
  popItem,
  readItems,
  removeRun,
  replaceCalls,
  saveRun,
} from "./session-tables.ts";

/** One session: the history of a conversation, and runs of it that wait for a person. */
function sessionActor(options: AdapterActorOptions) {
  return actor({
    options: { name: "OpenAI session", icon: "💬", ...options.options, concurrency: "serial" },
    db: db({ onMigrate: migrateSession }),
    ...(options.onAuth === undefined ? {} : { onAuth: options.onAuth }),
    actions: {
      ...largeCallActions,
      readItems: largeAction(readItems),
      addItems: largeAction(addItems),
      popItem: largeAction(popItem),
      clearItems: largeAction(clearItems),
      applyOperation: largeAction(applyOperation),
      replaceCalls: largeAction(replaceCalls),
      saveRun: largeAction(saveRun),
      loadRun: largeAction(loadRun),
      removeRun: largeAction(removeRun),
      /** Removes the session with all of its data. */
      destroy: (c): void => c.destroy(),
    },
  });
}

/** The actors of this package, for `setup({ use: { ...openAiAgentsActors() } })`. */
export function openAiAgentsActors(options: AdapterActorOptions = {}) {
  return { openAiSession: sessionActor(options) };
}

type SessionActors = ReturnType<typeof openAiAgentsActors>;
export type SessionActor = SessionActors["openAiSession"];

/** A client of a registry that has {@link openAiAgentsActors}. */
export type OpenAiAgentsClient = Pick<Client<{ readonly "~actors"?: SessionActors }>, "openAiSession">;
