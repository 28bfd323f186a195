/** Runs in a browser: the cases of the persistence drivers, over its own IndexedDB. */
import { IndexedDbSessionPersistDriver } from "../../src/persist/indexeddb.ts";
import { failuresOf } from "./conformance.ts";

interface Deletion {
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
  readonly error: unknown;
}

const record = { id: "s", agent: "owl", agentSessionId: "a", lastConnectionId: "c", createdAt: 1 };
const open = (databaseName: string) => new IndexedDbSessionPersistDriver({ databaseName });

function deleted(name: string): Promise<void> {
  const factory = (globalThis as unknown as { indexedDB: { deleteDatabase(name: string): Deletion } })
    .indexedDB;
  return new Promise((resolve, reject) => {
    const deletion = factory.deleteDatabase(name);
    deletion.onsuccess = () => resolve();
    deletion.onerror = () => reject(deletion.error);
  });
}

Object.assign(globalThis, {
  ready: true,
  conformance: () => failuresOf(async (scope) => open(scope)),
  keep: () => open("kept").updateSession(record),
  kept: async () => (await open("kept").getSession("s"))?.agent,
  /** Deletes the database below a driver that has it open, and says what that keeps then. */
  keptAgain: async () => {
    const [driver, session] = [open("deleted"), { ...record, id: "d" }];
    await driver.updateSession(session);
    await deleted("deleted");
    const before = await driver.getSession("d");
    await driver.updateSession(session);
    return [before?.id ?? "nothing", (await driver.getSession("d"))?.id];
  },
});
