import { actor, event, queue } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { readPersonalKey } from "../../access/organization-ids.ts";
import type { InboxEntry, InboxPage, InboxPatch, InboxQuery } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { ForgeNotice } from "../accounts/news.ts";
import type { PaymentNews } from "../billing/payment-news.ts";
import type { BackendHost } from "../host.ts";
import type { InboxNotice, NewPerson } from "../notifications/messages.ts";
import { takeForgeNotice } from "./forge-rows.ts";
import { invalid, readEntryIds, readQuery, readSnooze } from "./input.ts";
import type { TaskNews } from "./news.ts";
import {
  changeEntries,
  countEntries,
  dropOldestEntries,
  type EntryChanges,
  listEntries,
  paymentSubject,
  takeChange,
  takePayment,
  wakeEntries,
} from "./rows.ts";
import { type InboxDatabase, isNews, migrateInboxTables } from "./schema.ts";

export interface InboxState {
  version: 1;
  /** Number of changes. */
  revision: number;
}

/** The part of the actor context that is used here. */
interface InboxContext {
  readonly state: InboxState;
  readonly db: InboxDatabase;
  readonly key: readonly string[];
  readonly broadcast: (name: "changed", patch: InboxPatch) => void;
  client(): {
    getOrCreate(name: string, key: string[]): { send(queue: string, body: unknown): Promise<unknown> };
  };
}

/** The inbox of a person in an organization, which are its key: what needs them, of all their tasks. */
export function createInboxActor(host: BackendHost) {
  const now = () => host.ports.clock.now();
  const publishEntries = (c: InboxContext, entries: readonly InboxEntry[]) =>
    publish(c, { entries, removed: [], notify: [] });
  /** Publishes changes to the pages of the person, and to what notifies them elsewhere. */
  const publish = (c: InboxContext, { entries, removed, notify }: EntryChanges) => {
    if (entries.length === 0 && removed.length === 0) return;
    c.state.revision += 1;
    const { revision } = c.state;
    c.broadcast("changed", { revision, entries, removed, counts: countEntries(c.db) });
    // In the turn of the change, and so in one commit with it.
    for (const notice of noticesOf({ entries, removed, notify }))
      c.client()
        .getOrCreate("notifications", [...c.key])
        .send("inbox", notice)
        .catch((error: unknown) => host.ports.log.error("could not notify of an inbox", { error }));
  };
  return actor({
    createState: (): InboxState => ({ version: 1, revision: 0 }),
    onCreate(c): void {
      const { organization, person } = readPersonalKey(c.key);
      const joins: NewPerson = { version: 1, person };
      c.client()
        .getOrCreate("attention", [organization])
        .send("people", joins)
        .catch((error: unknown) => host.ports.log.error("could not register an inbox", { error }));
    },
    db: db({ onMigrate: migrateInboxTables }),
    queues: { news: queue<TaskNews>(), payments: queue<PaymentNews>(), forge: queue<ForgeNotice>() },
    events: { changed: event<InboxPatch>() },
    options: {
      name: "Inbox",
      maxQueueSize: studioLimits.maxWaitingNews,
      maxQueueMessageSize: studioLimits.maxNewsBytes,
    },
    async run(c): Promise<void> {
      for await (const message of c.queue.iter({ completable: true }))
        await c.transaction(async () => {
          // Each sender counts its own messages.
          const [sender, take] =
            message.name === "forge"
              ? (["attention", () => takeForgeNotice(c.db, message.body)] as const)
              : message.name === "payments"
                ? ([paymentSubject, () => takePayment(c.db, message.body)] as const)
                : ([message.body.task.id, () => takeChange(c.db, message.body)] as const);
          if (await isNews(c.db, sender, message.body.seq)) {
            const changes = await take();
            const dropped = await dropOldestEntries(c.db);
            publish(c, { ...changes, removed: [...changes.removed, ...dropped] });
          }
          await message.complete();
        });
    },
    actions: {
      list: (c, query?: InboxQuery): InboxPage => ({
        ...listEntries(c.db, readQuery(query)),
        counts: countEntries(c.db),
        revision: c.state.revision,
      }),

      async done(c, ids: readonly string[], isDone = true): Promise<void> {
        if (typeof isDone !== "boolean") throw invalid("`isDone` must be true or false");
        const at = isDone ? now() : null;
        const known = readEntryIds(ids);
        const where = isDone ? "done_at IS NULL" : "done_at IS NOT NULL";
        // Whoever is done with an entry has read it, and does not want it back later.
        const set = isDone ? "done_at = ?, is_unread = 0, snoozed_until = NULL" : "done_at = ?";
        publishEntries(c, await changeEntries(c.db, known, set, where, at));
      },

      async snooze(c, ids: readonly string[], until: number | null): Promise<void> {
        const known = readEntryIds(ids);
        const at = readSnooze(until, now());
        const set = at === null ? "snoozed_until = ?" : "snoozed_until = ?, is_unread = 0";
        const entries = await changeEntries(c.db, known, set, "done_at IS NULL", at);
        if (at !== null && entries.length > 0) await c.schedule.at(at, "internal.wakeSnoozed");
        publishEntries(c, entries);
      },

      async mark(c, ids: readonly string[], as: "read" | "unread"): Promise<void> {
        if (as !== "read" && as !== "unread") throw invalid('`as` must be "read" or "unread"');
        const known = readEntryIds(ids);
        const isUnread = as === "unread" ? 1 : 0;
        publishEntries(
          c,
          await changeEntries(c.db, known, "is_unread = ?", `is_unread <> ${isUnread}`, isUnread),
        );
      },

      internal: {
        erase: (c): void => c.destroy(),

        /** Shows entries again whose time has come. */
        async wakeSnoozed(c): Promise<void> {
          const entries = await wakeEntries(c.db, now());
          publish(c, { entries, removed: [], notify: entries });
        },
      },
    },
  });
}

/** Entries in one notice, which is one message. */
const noticeEntries = 50;

/** What follows for notifications: those that are news, and those that need none any more. */
function noticesOf({ entries, removed, notify }: EntryChanges): readonly InboxNotice[] {
  const isSeen = ({ isUnread, isWorking, doneAt, snoozedUntil }: InboxEntry) =>
    !isUnread || isWorking || doneAt !== undefined || snoozedUntil !== undefined;
  const seen = [...removed, ...entries.filter(isSeen).map(({ id }) => id)];
  const notices: InboxNotice[] = [];
  for (let at = 0; at < Math.max(seen.length, notify.length); at += noticeEntries)
    notices.push({
      version: 1,
      seen: seen.slice(at, at + noticeEntries),
      notify: notify.slice(at, at + noticeEntries),
    });
  return notices;
}
