/** The inbox as the page keeps it: its pages, its counts, and what changes do to them. */
import type { InfiniteData } from "@tanstack/react-query";
import type { InboxEntry, InboxPage, InboxPatch, InboxView } from "../../../contract.ts";

export type InboxPages = InfiniteData<InboxPage, string | undefined>;

/** The pages of a view after a patch. Entries beyond the last loaded page come with the next one. */
export function applyPatch(data: InboxPages, view: InboxView, { entries, removed }: InboxPatch): InboxPages {
  const gone = new Set([...removed, ...entries.map(({ id }) => id)]);
  const last = data.pages.at(-1);
  const end = last?.cursor === undefined ? undefined : last.entries.at(-1);
  const added = entries.filter((entry) => isIn(view, entry) && (end === undefined || isBefore(entry, end)));
  const pages = data.pages.map((page, index) => {
    const kept = page.entries.filter(({ id }) => !gone.has(id));
    return { ...page, entries: index === 0 ? [...added, ...kept] : kept };
  });
  const sorted = pages.flatMap((page) => page.entries).sort((a, b) => (isBefore(a, b) ? -1 : 1));
  let from = 0;
  return {
    ...data,
    pages: pages.map((page, index) => {
      const to = index === pages.length - 1 ? sorted.length : from + page.entries.length;
      const part = sorted.slice(from, to);
      from = to;
      return { ...page, entries: part };
    }),
  };
}

function isIn(view: InboxView, { doneAt, snoozedUntil }: InboxEntry): boolean {
  if (view === "done") return doneAt !== undefined;
  return doneAt === undefined && (view === "snoozed") === (snoozedUntil !== undefined);
}

/** The order of the pages. */
function isBefore(a: InboxEntry, b: InboxEntry): boolean {
  return a.bumpedAt > b.bumpedAt || (a.bumpedAt === b.bumpedAt && a.id > b.id);
}
