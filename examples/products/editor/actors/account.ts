/** The documents of one person. Its key is the id of the person. */
import { actor, event, queue, UserError } from "holdfast";
import { limits } from "../limits.ts";
import { requireUser } from "../sessions.ts";

export type Role = "owner" | "edit" | "read";

export interface DocumentEntry {
  readonly id: string;
  readonly title: string;
  readonly role: Role;
  readonly changedAt: number;
}

/** A document tells its members what has changed about it; without a role, it is theirs no longer. */
export interface DocumentNews {
  readonly id: string;
  readonly title: string;
  readonly role: Role | undefined;
  readonly changedAt: number;
}

export const account = actor({
  state: { documents: [] as DocumentEntry[] },
  events: { changed: event<DocumentEntry[]>() },
  queues: { news: queue<DocumentNews>() },
  onAuth: (c, { req, intents }) => {
    const user = requireUser(req);
    const isOwn = c.key?.length === 1 && c.key[0] === user.id;
    if (!isOwn || intents.has("message")) throw new UserError("Not your account", { code: "forbidden" });
    return user;
  },
  run: async (c) => {
    for await (const { body } of c.queue.iter({ names: ["news"] })) {
      c.state.documents = withNews(c.state.documents, body);
      c.broadcast("changed", c.state.documents);
    }
  },
  actions: { documents: (c) => c.state.documents },
});

function withNews(documents: readonly DocumentEntry[], { role, ...entry }: DocumentNews): DocumentEntry[] {
  const others = documents.filter(({ id }) => id !== entry.id);
  const all = role === undefined ? others : [...others, { ...entry, role }];
  return all.sort((a, b) => b.changedAt - a.changedAt).slice(0, limits.documentsOfAccount);
}
