import { actor } from "@holdfast/actors";

/** Keeps every entry that was ever written to it, so that a lost or doubled one shows. */
export const ledger = actor({
  state: { entries: [] as string[] },
  actions: {
    /** One commit: the entry and the call's outcome land together. */
    add: (c, entry: string) => {
      c.state.entries.push(entry);
      return c.state.entries.length;
    },
    /** Two commits, with time between them for a process to die in. */
    addTwice: async (c, entry: string) => {
      c.state.entries.push(`${entry}/first`);
      await c.saveState();
      await new Promise((resolve) => setTimeout(resolve, 5));
      c.state.entries.push(`${entry}/second`);
      return c.state.entries.length;
    },
    entries: (c) => c.state.entries,
  },
});
