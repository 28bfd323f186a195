/** A document that many people edit at once: Yjs merges, the actor keeps and passes on the updates. */
import { actor, event, setup, UserError } from "holdfast";
import * as Y from "yjs";

const updatesPerSnapshot = 50;

export const document = actor({
  state: { snapshot: new Uint8Array() as Uint8Array, updates: [] as Uint8Array[] },
  events: { update: event<Uint8Array>() },
  actions: {
    /** Everything so far, as one Yjs update. */
    load: (c) => merged(c.state.snapshot, c.state.updates),
    apply: (c, update: Uint8Array) => {
      if (!isUpdate(update)) throw new UserError("This is no update of Yjs", { code: "invalid_update" });
      c.state.updates.push(update);
      if (c.state.updates.length >= updatesPerSnapshot) {
        c.state.snapshot = merged(c.state.snapshot, c.state.updates);
        c.state.updates = [];
      }
      c.broadcast("update", update);
    },
  },
});

/** What cannot be merged would stand in the way of all that was and will be written. */
function isUpdate(update: Uint8Array): boolean {
  try {
    Y.decodeUpdate(update);
    return true;
  } catch {
    return false;
  }
}

function merged(snapshot: Uint8Array, updates: readonly Uint8Array[]): Uint8Array {
  const all = snapshot.length === 0 ? [...updates] : [snapshot, ...updates];
  return all.length === 0 ? Y.encodeStateAsUpdate(new Y.Doc()) : Y.mergeUpdates(all);
}

export const registry = setup({ use: { document } });
if (import.meta.main) await registry.start();
