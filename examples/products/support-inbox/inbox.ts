/** The list of all tickets with its search. Each ticket tells it what has changed, through a durable queue. */
import { actor, event, queue } from "holdfast";
import { db } from "holdfast/db";
import { requireAgent } from "./http/sessions.ts";
import { limits } from "./limits.ts";

/** What a ticket tells the inbox. A later one has a higher revision. */
export interface TicketUpdate {
  readonly id: string;
  readonly revision: number;
  readonly customer: string;
  readonly email: string;
  readonly subject: string;
  readonly preview: string;
  readonly isOpen: boolean;
  /** The customer has written last. */
  readonly isWaiting: boolean;
  readonly hasDraft: boolean;
  readonly assigneeId: string | null;
  readonly assignee: string | null;
  readonly tags: readonly string[];
  /** Everything that search finds. */
  readonly text: string;
  readonly updatedAt: number;
}

export interface ListedTicket extends Omit<TicketUpdate, "revision" | "text" | "email"> {
  readonly number: number;
}

export type View = "waiting" | "mine" | "unassigned" | "open" | "closed";

export interface ListRequest {
  readonly view: View;
  readonly tag?: string | undefined;
  readonly search?: string | undefined;
}

export interface TicketList {
  readonly tickets: readonly ListedTicket[];
  readonly counts: Readonly<Record<View, number>>;
  readonly tags: readonly { readonly tag: string; readonly count: number }[];
}

interface Row {
  readonly number: number;
  readonly id: string;
  readonly revision: number;
  readonly content: string;
}

const conditions: Readonly<Record<View, string>> = {
  waiting: "is_open = 1 AND is_waiting = 1",
  mine: "is_open = 1 AND assignee_id = :me",
  unassigned: "is_open = 1 AND assignee_id IS NULL",
  open: "is_open = 1",
  closed: "is_open = 0",
};
const views = Object.keys(conditions) as View[];

/** Words as FTS5 takes them: quoted, so that they are no operators, and each the beginning of a word. */
function matchOf(search: string): string {
  const words = search.slice(0, limits.searchLength).match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) => `"${word}"*`).join(" ");
}

export const inbox = actor({
  options: { maxQueueSize: 10_000 },
  queues: { updates: queue<TicketUpdate>() },
  events: { changed: event<{ readonly id: string }>() },
  onAuth: requireAgent,
  db: db({
    onMigrate: async (database) => {
      await database.execute(`CREATE TABLE IF NOT EXISTS ticket (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL,
        is_open INTEGER NOT NULL, is_waiting INTEGER NOT NULL, assignee_id TEXT, updated_at INTEGER NOT NULL,
        content TEXT NOT NULL)`);
      await database.execute("CREATE INDEX IF NOT EXISTS ticket_by_time ON ticket (is_open, updated_at)");
      await database.execute(
        "CREATE TABLE IF NOT EXISTS tag (ticket TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (tag, ticket))",
      );
      await database.execute("CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (id UNINDEXED, text)");
    },
  }),
  run: async (c) => {
    for await (const { body } of c.queue.iter({ names: ["updates"] })) {
      const { id, revision, text, email: _email, ...content } = body;
      const known = c.db.get<Row>("SELECT * FROM ticket WHERE id = ?", id);
      if (known !== undefined && known.revision >= revision) continue;
      await c.db.transaction(async (tx) => {
        await tx.execute(
          `INSERT INTO ticket (id, revision, is_open, is_waiting, assignee_id, updated_at, content)
           VALUES (:id, :revision, :isOpen, :isWaiting, :assigneeId, :updatedAt, :content)
           ON CONFLICT (id) DO UPDATE SET revision = :revision, is_open = :isOpen, is_waiting = :isWaiting,
             assignee_id = :assigneeId, updated_at = :updatedAt, content = :content`,
          {
            ...{ id, revision, isOpen: content.isOpen, isWaiting: content.isWaiting },
            ...{ assigneeId: content.assigneeId, updatedAt: content.updatedAt },
            content: JSON.stringify(content),
          },
        );
        await tx.execute("DELETE FROM tag WHERE ticket = ?", id);
        for (const tag of content.tags) await tx.execute("INSERT INTO tag VALUES (?, ?)", id, tag);
        await tx.execute("DELETE FROM words WHERE id = ?", id);
        await tx.execute("INSERT INTO words (id, text) VALUES (?, ?)", id, text);
      });
      c.broadcast("changed", { id });
    }
  },
  actions: {
    list: (c, { view, tag, search = "" }: ListRequest): TicketList => {
      const { auth } = c.conn ?? {};
      const me = (auth as { agent?: { id: string } } | undefined)?.agent?.id ?? "";
      const named = { me };
      const counts = Object.fromEntries(
        views.map((each) => [
          each,
          c.db.get<{ count: number }>(
            `SELECT count(*) AS count FROM ticket WHERE ${conditions[each]}${each === "mine" ? "" : " AND :me = :me"}`,
            named,
          )?.count ?? 0,
        ]),
      ) as Record<View, number>;
      const match = matchOf(search);
      // A search finds tickets of all views.
      const parts = [
        match === ""
          ? (conditions[view] ?? conditions.open)
          : "id IN (SELECT id FROM words WHERE words MATCH :match)",
      ];
      if (tag !== undefined) parts.push("id IN (SELECT ticket FROM tag WHERE tag = :tag)");
      const where = parts.join(" AND ");
      const used = Object.entries({ me, match, tag: tag ?? "" }).filter(([name]) =>
        where.includes(`:${name}`),
      );
      const statement = `SELECT number, id, content FROM ticket WHERE ${where} ORDER BY updated_at DESC LIMIT ${limits.listed}`;
      const rows =
        used.length === 0 ? c.db.query<Row>(statement) : c.db.query<Row>(statement, Object.fromEntries(used));
      return {
        tickets: rows.map(({ number, id, content }) => ({
          ...(JSON.parse(content) as ListedTicket),
          number,
          id,
        })),
        counts,
        tags: c.db.query<{ tag: string; count: number }>(
          "SELECT tag, count(*) AS count FROM tag JOIN ticket ON ticket.id = tag.ticket WHERE is_open = 1 GROUP BY tag ORDER BY count DESC, tag LIMIT 30",
        ),
      };
    },
  },
});
