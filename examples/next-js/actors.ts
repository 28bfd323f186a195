/** A guest book in a Next.js application: pages call it on the server, browsers below /api/holdfast. */
import { actor, event, setup } from "holdfast";

export interface Entry {
  readonly name: string;
  readonly at: number;
}

export const guestBook = actor({
  state: { entries: [] as Entry[] },
  events: { signed: event<Entry>() },
  actions: {
    entries: (c) => c.state.entries,
    sign: (c, name: string) => {
      const entry = { name, at: Date.now() };
      c.state.entries.push(entry);
      c.broadcast("signed", entry);
    },
  },
});

/** The bundler of Next.js makes several copies of this module; the data directory is opened once. */
const shared = globalThis as typeof globalThis & { guests?: ReturnType<typeof make> };

function make() {
  return setup({ use: { guestBook } });
}

shared.guests ??= make();
export const registry = shared.guests;
