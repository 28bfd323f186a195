/** Runs in a browser: the cases of the persistence drivers, over its own IndexedDB. */
import { IndexedDbSessionPersistDriver } from "../../src/persist/indexeddb.ts";
import { failuresOf } from "./conformance.ts";

const open = (databaseName: string) => new IndexedDbSessionPersistDriver({ databaseName });

Object.assign(globalThis, {
  ready: true,
  conformance: () => failuresOf(async (scope) => open(scope)),
  keep: () =>
    open("kept").updateSession({
      id: "s",
      agent: "owl",
      agentSessionId: "a",
      lastConnectionId: "c",
      createdAt: 1,
    }),
  kept: async () => (await open("kept").getSession("s"))?.agent,
});
