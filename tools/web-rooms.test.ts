import assert from "node:assert/strict";
import { test } from "node:test";
import { webRoomProblems } from "./web-rooms.ts";

const web = "packages/studio/src/web";

function problemsOf(file: string, ...specifiers: string[]): number {
  return webRoomProblems(new Map([[`${web}/${file}`, specifiers]])).length;
}

test("a room imports itself, what is shared, and the front doors that it may use", () => {
  assert.equal(problemsOf("task/transcript/message.tsx", "./markdown.tsx", "../../shared/context.ts"), 0);
  assert.equal(problemsOf("task/task-screen.tsx", "../review/changes.tsx", "../../contract.ts"), 0);
  assert.equal(problemsOf("app/router.tsx", "../usage/search.ts", "@holdfast/web-parts"), 0);
  assert.equal(problemsOf("main.tsx", "./app/app.tsx", "./task/task.css"), 0);
});

test("a room does not import the inside of another one, and what is shared imports no room", () => {
  assert.equal(problemsOf("task/task-screen.tsx", "../review/apply.tsx"), 1);
  assert.equal(problemsOf("review/changes.tsx", "../task/composer.tsx"), 1);
  assert.equal(problemsOf("system/system-screen.tsx", "../review/changes.tsx"), 1);
  assert.equal(problemsOf("shared/queries.ts", "../tasks/queries.ts"), 1);
});
