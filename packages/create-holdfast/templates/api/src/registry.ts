import { actor, setup, UserError } from "holdfast";

export interface Note {
  readonly id: number;
  text: string;
}

/** The notes of one person: the key is their name. */
export const notes = actor({
  state: { next: 1, notes: [] as Note[] },
  actions: {
    list: (c) => c.state.notes,
    add: (c, text: string) => {
      if (text.trim() === "") throw new UserError("The note is empty", { code: "empty_note" });
      const note = { id: c.state.next++, text };
      c.state.notes.push(note);
      return note;
    },
    remove: (c, id: number) => {
      const index = c.state.notes.findIndex((note) => note.id === id);
      if (index === -1) throw new UserError(`There is no note ${id}`, { code: "no_note" });
      c.state.notes.splice(index, 1);
    },
  },
});

export const registry = setup({ use: { notes } });
