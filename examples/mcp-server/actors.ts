/** A notebook for each key that any MCP client can use: its actions are tools, its contents are a resource. */
import { mcp } from "@holdfast/mcp";
import { action, actor, setup, UserError } from "holdfast";
import { z } from "zod";

interface Note {
  readonly id: number;
  readonly text: string;
}

export const notebook = actor({
  state: { next: 1, notes: [] as Note[] },
  actions: {
    write: action({
      input: z.object({ text: z.string().min(1).max(2_000).describe("The note, in full") }),
      mcp: { description: "Writes a note and returns its number", destructive: false },
      handler: (c, { text }) => {
        const note = { id: c.state.next, text };
        c.state.next += 1;
        c.state.notes.push(note);
        return { id: note.id };
      },
    }),
    search: action({
      input: z.object({ words: z.string() }),
      mcp: { description: "Finds notes that contain these words", readOnly: true },
      handler: (c, { words }) =>
        c.state.notes.filter(({ text }) => text.toLowerCase().includes(words.toLowerCase())),
    }),
    remove: action({
      input: z.object({ id: z.number().int() }),
      mcp: { description: "Removes a note by its number", idempotent: true },
      handler: (c, { id }) => {
        const at = c.state.notes.findIndex((note) => note.id === id);
        if (at === -1) throw new UserError(`There is no note ${id}`, { code: "no_note" });
        c.state.notes.splice(at, 1);
      },
    }),
    all: action({
      mcp: { resource: true, title: "All notes" },
      handler: (c) => c.state.notes,
    }),
  },
});

export const registry = setup({ use: { notebook } });
export const application = mcp(registry, {
  instructions: {
    notebook: "Notes of a person. Search them before you write one that may be there already.",
  },
});

if (import.meta.main) {
  const { url } = await registry.listen({ application });
  console.log(`${url}/mcp/notebook/mine`);
}
