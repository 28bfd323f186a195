import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskSummary, TaskView } from "../../contract.ts";
import { keepNewerTasks, keepNewerView, type TaskPages, upsertTask } from "./newer.ts";

function task(id: string, updatedAt: number, title = id): TaskSummary {
  return {
    id,
    title,
    repository: "/r",
    agent: "demo",
    status: "idle",
    createdAt: 0,
    updatedAt,
    unsafe: false,
  };
}

function pages(...tasks: readonly (readonly TaskSummary[])[]): TaskPages {
  return { pages: tasks.map((each) => ({ tasks: each })), pageParams: tasks.map(() => undefined) };
}

function view(revision: number): TaskView {
  const base = { branch: "main", commit: "c" };
  const usage = { inputTokens: 0, outputTokens: 0, requests: 0 };
  return { ...task("a", revision), sessionId: "s", base, approvals: [], usage, revision };
}

test("a view is never replaced by an older one", () => {
  assert.equal(keepNewerView(view(3), view(2)).revision, 3);
  assert.equal(keepNewerView(view(2), view(3)).revision, 3);
  assert.equal(keepNewerView(undefined, view(1)).revision, 1);
});

test("a list response does not overwrite a newer event", () => {
  const known = pages([task("b", 9, "new"), task("a", 1)]);
  const merged = keepNewerTasks(known, pages([task("b", 5, "old"), task("a", 2)]));
  assert.deepEqual(
    merged.pages[0]?.tasks.map(({ id, title, updatedAt }) => [id, title, updatedAt]),
    [
      ["b", "new", 9],
      ["a", "a", 2],
    ],
  );
});

test("a new task is inserted by id, and one older than all loaded pages is left to its own page", () => {
  const read = (list: TaskPages) => list.pages.map((page) => page.tasks.map(({ id }) => id));
  const list = pages([task("e", 1), task("c", 1)], [task("b", 1)]);
  assert.deepEqual(read(upsertTask(list, task("d", 2))), [["e", "d", "c"], ["b"]]);
  assert.deepEqual(
    read(upsertTask(list, task("a", 2))),
    [
      ["e", "c"],
      ["b", "a"],
    ],
    "there are no more pages",
  );
  const more: TaskPages = { ...list, pages: list.pages.map((page) => ({ ...page, cursor: "b" })) };
  assert.deepEqual(read(upsertTask(more, task("a", 2))), [["e", "c"], ["b"]], "it belongs to a later page");
  assert.deepEqual(read(upsertTask(pages([]), task("a", 2))), [["a"]]);
});

test("a changed task keeps its position, and a new one is first", () => {
  const list = pages([task("c", 1)], [task("a", 1)]);
  assert.deepEqual(
    upsertTask(list, task("a", 2)).pages.map((page) => page.tasks.map(({ updatedAt }) => updatedAt)),
    [[1], [2]],
  );
  assert.deepEqual(
    upsertTask(list, task("d", 2)).pages.map((page) => page.tasks.map(({ id }) => id)),
    [["d", "c"], ["a"]],
  );
});
