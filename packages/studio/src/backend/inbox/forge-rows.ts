import type { ForgeNotice } from "../accounts/news.ts";
import { type EntryChanges, keyOfItem, putEntry, remove } from "./rows.ts";
import type { InboxDatabase } from "./schema.ts";

/** Takes what a forge asks of the person: a review, or to read a comment. */
export async function takeForgeNotice(db: InboxDatabase, { at, change }: ForgeNotice): Promise<EntryChanges> {
  const none: EntryChanges = { entries: [], removed: [], notify: [] };
  switch (change.type) {
    case "review-requested": {
      const { item } = change;
      const id = `${keyOfItem(item)}.review`;
      const text = item.author === "" ? "Your review is requested" : `${item.author} asks for your review`;
      const entry = await putEntry(db, { id, kind: "review-requested", item, text, at, cause: "" });
      return { ...none, entries: [entry], notify: [entry] };
    }
    case "mentioned": {
      const { item, text, cause } = change;
      const id = `${keyOfItem(item)}.mention`;
      const entry = await putEntry(db, { id, kind: "mentioned", item, text, at, cause });
      return { ...none, entries: [entry], notify: [entry] };
    }
    case "review-ended": {
      const removed = await remove(db, "id = ?", `${keyOfItem({ kind: "pull-request", ...change })}.review`);
      return { ...none, removed };
    }
    case "repository-gone": {
      const removed = await remove(db, "item ->> 'repositoryId' = ?", change.repositoryId);
      return { ...none, removed };
    }
  }
}
