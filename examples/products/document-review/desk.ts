/** The documents of one person, newest first. */
import { randomUUID } from "node:crypto";
import { actor, event, queue, setup, UserError } from "holdfast";
import { document } from "./document.ts";
import { limits } from "./limits.ts";
import { type Draft, draftSchema, isEnded, type Row } from "./review.ts";
import { requireOwner, type Session } from "./sessions.ts";

const documents = setup({ use: { document } });

export const desk = actor({
  state: { rows: [] as Row[] },
  events: { changed: event<Row>() },
  // Documents send inside this process, where nobody is asked who they are.
  queues: { rows: queue<Row>({ canPublish: (c) => c.conn?.auth === undefined }) },
  onAuth: (c, { req }): Session => requireOwner({ req, key: c.key }),
  run: async (c) => {
    for await (const { body } of c.queue.iter({ names: ["rows"] })) {
      const at = c.state.rows.findIndex(({ id }) => id === body.id);
      if (at < 0) continue;
      c.state.rows[at] = body;
      c.broadcast("changed", body);
    }
  },
  actions: {
    rows: (c): Row[] => c.state.rows,
    /** Creates a document, to which the page then uploads a file. Returns its id. */
    create: async (c, given: Draft): Promise<string> => {
      const parsed = draftSchema.safeParse(given);
      if (!parsed.success)
        throw new UserError(parsed.error.issues[0]?.message ?? "Invalid", { code: "invalid_draft" });
      const { rows } = c.state;
      if (rows.length >= limits.maxDocuments) {
        const last = rows.findLastIndex(({ status }) => isEnded(status) || status === "draft");
        if (last < 0)
          throw new UserError("You have too many documents in review", { code: "too_many_documents" });
        rows.splice(last, 1);
      }
      const draft = parsed.data;
      const [ownerId = ""] = c.key;
      const owner = (c.conn.auth as Session).name;
      const row: Row = {
        ...{ id: randomUUID(), title: draft.title, status: "draft", waitsFor: "", version: 0 },
        changedAt: Date.now(),
      };
      rows.unshift(row);
      await c.client<typeof documents>().document.create([ownerId, row.id], { input: { draft, owner } });
      c.broadcast("changed", row);
      return row.id;
    },
  },
});
