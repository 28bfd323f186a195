import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskSummary, TaskView } from "../../../contract.ts";
import {
  addSeen,
  isUnread,
  keepNewerTasks,
  keepNewerView,
  removeTask,
  seenOf,
  type TaskPages,
  upsertTask,
} from "./task-pages.ts";

function task(id: string, updatedAt: number, more: Partial<TaskSummary> = {}): TaskSummary {
  return {
    ...{ id, title: id, repository: "/r", agent: "demo", status: "idle" },
    ...{ createdAt: 0, updatedAt, unsafe: false, ...more },
  };
}

function pages(...tasks: readonly (readonly TaskSummary[])[]): TaskPages {
  return { pages: tasks.map((each) => ({ tasks: each, seen: {} })), pageParams: tasks.map(() => undefined) };
}

function view(revision: number): TaskView {
  const base = { branch: "main", commit: "c" };
  const usage = { inputTokens: 0, outputTokens: 0, requests: 0 };
  return { ...task("a", revision), sessionId: "s", sessions: [], base, approvals: [], usage, revision };
}

const read = (list: TaskPages) => list.pages.map((page) => page.tasks.map(({ id }) => id).join(""));

test("a view is never replaced by an older one", () => {
  assert.equal(keepNewerView(view(3), view(2)).revision, 3);
  assert.equal(keepNewerView(view(2), view(3)).revision, 3);
  assert.equal(keepNewerView(undefined, view(1)).revision, 1);
});

test("a list response does not overwrite a newer event", () => {
  const known = pages([task("b", 9, { title: "new" }), task("a", 1)]);
  const merged = keepNewerTasks(known, pages([task("b", 5, { title: "old" }), task("a", 2)]));
  assert.deepEqual(
    merged.pages[0]?.tasks.map(({ id, title, updatedAt }) => [id, title, updatedAt]),
    [
      ["b", "new", 9],
      ["a", "a", 2],
    ],
  );
});

test("a new task is inserted by id, and one older than all loaded pages is left to its own page", () => {
  const list = pages([task("e", 1), task("c", 1)], [task("b", 1)]);
  assert.deepEqual(read(upsertTask(list, task("d", 2), {})), ["edc", "b"]);
  assert.deepEqual(read(upsertTask(list, task("a", 2), {})), ["ec", "ba"], "there are no more pages");
  const more: TaskPages = { ...list, pages: list.pages.map((page) => ({ ...page, cursor: "b" })) };
  assert.deepEqual(read(upsertTask(more, task("a", 2), {})), ["ec", "b"], "it belongs to a later page");
  assert.deepEqual(read(upsertTask(pages([]), task("a", 2), {})), ["a"]);
});

test("a changed task keeps its position, and a new one is first", () => {
  const list = pages([task("c", 1)], [task("a", 1)]);
  assert.deepEqual(
    upsertTask(list, task("a", 2), {}).pages.map((page) => page.tasks.map(({ updatedAt }) => updatedAt)),
    [[1], [2]],
  );
  assert.deepEqual(read(upsertTask(list, task("d", 2), {})), ["dc", "a"]);
});

test("a task moves to the place of its group", () => {
  const working = task("b", 1, { status: "running" });
  const list = pages([task("c", 1, { status: "failed" }), working], [task("d", 1), task("a", 1)]);
  const byStatus = { group: "status" } as const;
  assert.deepEqual(read(upsertTask(list, { ...working, status: "waiting" }, byStatus)), ["bc", "da"]);
  assert.deepEqual(read(upsertTask(list, { ...working, status: "idle" }, byStatus)), ["c", "dba"]);
  const repositories = pages([task("c", 1, { repository: "/a" }), task("b", 1, { repository: "/b" })]);
  const added = task("d", 1, { repository: "/b" });
  assert.deepEqual(read(upsertTask(repositories, added, { group: "repository" })), ["cdb"]);
  const owners = pages([task("c", 1), task("b", 1, { owner: { id: "ada", name: "Ada" } })]);
  const handed = task("c", 2, { owner: { id: "ben", name: "Ben" } });
  assert.deepEqual(read(upsertTask(owners, handed, { group: "owner" })), ["bc"]);
  const labels = pages([task("c", 1), task("b", 1, { labels: ["bug"] })]);
  const labelled = task("c", 2, { labels: ["chore", "urgent"] });
  assert.deepEqual(read(upsertTask(labels, labelled, { group: "label" })), ["bc"]);
  assert.deepEqual(read(upsertTask(labels, labelled, { labels: ["urgent"] })), ["cb"]);
  assert.deepEqual(read(upsertTask(labels, labelled, { labels: ["bug"] })), ["b"]);
});

test("a task leaves a list that it does not belong to any more, and enters the one that it belongs to", () => {
  const list = pages([task("b", 1), task("a", 1)]);
  const archived = task("b", 2, { archivedAt: 5 });
  assert.deepEqual(read(upsertTask(list, archived, {})), ["a"]);
  assert.deepEqual(read(upsertTask(pages([]), archived, { archived: true })), ["b"]);
  assert.deepEqual(read(upsertTask(list, task("c", 1, { agent: "other" }), { agents: ["demo"] })), ["ba"]);
  assert.deepEqual(read(upsertTask(list, task("b", 1, { status: "failed" }), { statuses: ["idle"] })), ["a"]);
  assert.deepEqual(read(removeTask(list, "b")), ["a"]);
});

test("only the server says which tasks a search finds; the found ones stay up to date", () => {
  const list = pages([task("b", 1)]);
  const query = { search: "word" };
  assert.deepEqual(read(upsertTask(list, task("c", 1), query)), ["b"]);
  assert.equal(upsertTask(list, task("b", 7), query).pages[0]?.tasks[0]?.updatedAt, 7);
  assert.deepEqual(read(upsertTask(list, task("c", 1), { unread: true })), ["b"]);
  assert.deepEqual(read(upsertTask(list, task("c", 1), { search: " " })), ["cb"]);
});

test("a task is unread if it needed somebody since it was seen", () => {
  const list = addSeen(pages([task("b", 1)], [task("a", 1)]), { a: 5 });
  const seen = seenOf(list);
  assert.deepEqual(seen, { a: 5 });
  assert.equal(isUnread(task("a", 1, { attentionAt: 5 }), seen), false);
  assert.equal(isUnread(task("a", 1, { attentionAt: 6 }), seen), true);
  assert.equal(isUnread(task("b", 1), seen), false);
  assert.equal(isUnread(task("b", 1), { b: -1 }), true);
});
