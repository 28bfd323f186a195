import { actor, event, UserError } from "holdfast";

export interface Entry {
  readonly name: string;
  readonly at: number;
}

/** A guest book for every key. */
export const guestBook = actor({
  state: { entries: [] as Entry[] },
  events: { signed: event<Entry>() },
  actions: {
    entries: (c) => c.state.entries,
    sign: (c, name: string) => {
      if (name.trim() === "") throw new UserError("The name is empty", { code: "empty_name" });
      const entry = { name: name.trim(), at: Date.now() };
      c.state.entries.push(entry);
      c.broadcast("signed", entry);
    },
  },
});
