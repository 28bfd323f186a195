import assert from "node:assert/strict";
import { test } from "node:test";
import type { InboxEntry, InboxPatch, InboxView } from "../../../contract.ts";
import { applyPatch, type InboxPages } from "./pages.ts";

function entry(id: string, bumpedAt: number, more: Partial<InboxEntry> = {}): InboxEntry {
  return {
    ...{
      id,
      kind: "finished",
      text: "",
      isWorking: false,
      createdAt: 1,
      bumpedAt,
      notifiedAt: 1,
      isUnread: true,
    },
    task: { id, title: id, repository: "/r", agent: "demo" },
    ...more,
  };
}

const counts = { open: 0, unread: 0, snoozed: 0 };

function pagesOf(...pages: readonly (readonly InboxEntry[])[]): InboxPages {
  return {
    pages: pages.map((entries, index) => ({
      ...{ entries, counts, revision: 1 },
      ...(index < 1 ? { cursor: "more" } : {}),
    })),
    pageParams: [undefined],
  };
}

function after(data: InboxPages, view: InboxView, patch: Partial<InboxPatch>): readonly string[][] {
  const next = applyPatch(data, view, { revision: 2, entries: [], removed: [], counts, ...patch });
  return next.pages.map(({ entries }) => entries.map(({ id }) => id));
}

test("a patch moves a bumped entry to the top, adds new ones in order, and removes those that are gone", () => {
  const data = pagesOf([entry("c", 9), entry("b", 8)], [entry("a", 7)]);
  assert.deepEqual(after(data, "open", { entries: [entry("a", 10)] }), [["a", "c", "b"], []]);
  assert.deepEqual(after(data, "open", { entries: [entry("n", 8.5)] }), [["c", "n", "b"], ["a"]]);
  assert.deepEqual(after(data, "open", { removed: ["c", "unknown"] }), [["b"], ["a"]]);
});

test("an entry is in one view alone", () => {
  const open = pagesOf([], [entry("a", 7)]);
  assert.deepEqual(after(open, "open", { entries: [entry("a", 7, { doneAt: 8 })] }), [[], []]);
  assert.deepEqual(after(pagesOf([], []), "done", { entries: [entry("a", 7, { doneAt: 8 })] }), [["a"], []]);
  assert.deepEqual(after(open, "open", { entries: [entry("a", 7, { snoozedUntil: 8 })] }), [[], []]);
  assert.deepEqual(after(pagesOf([], []), "snoozed", { entries: [entry("a", 7, { snoozedUntil: 8 })] }), [
    ["a"],
    [],
  ]);
});

test("an entry beyond what is loaded comes with its page", () => {
  assert.deepEqual(after(pagesOf([entry("c", 9)]), "open", { entries: [entry("a", 7)] }), [["c"]]);
});
