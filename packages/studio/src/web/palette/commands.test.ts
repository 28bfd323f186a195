import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskStatus, TaskView } from "../../contract.ts";
import type { StudioApi } from "../shared/port.ts";
import { type CommandContext, commands, offeredCommands } from "./commands.ts";

const usage = { inputTokens: 0, outputTokens: 0, requests: 0 };
const taskOf = (status: TaskStatus): TaskView => ({
  ...{ id: "t", title: "Title", repository: "/r", agent: "demo", status, createdAt: 0, updatedAt: 0 },
  ...{
    unsafe: false,
    sessionId: "s",
    sessions: [],
    base: { branch: "", commit: "" },
    approvals: [],
    usage,
    revision: 1,
  },
});
const contextOf = (typed: string, task?: TaskView): CommandContext => ({
  ...{ api: {} as StudioApi, task, profile: undefined, organizations: [], typed, draftPrompt() {} },
});
const titles = (typed: string, task?: TaskView) => {
  const context = contextOf(typed, task);
  return offeredCommands(commands, context).map((command) => command.title(context));
};

test("each word finds titles and keywords, and what is typed can always become a task", () => {
  assert.deepEqual(titles("sys"), ["System", "New task: sys"]);
  assert.deepEqual(titles("sqlite INSPECT"), ["Actors", "New task: sqlite INSPECT"]);
  assert.deepEqual(titles("nothing like it"), ["New task: nothing like it"]);
});

test("commands about a task are offered on its screen, and only those that are possible", () => {
  const ofTask = (task?: TaskView) =>
    offeredCommands(commands, contextOf("", task))
      .filter(({ group }) => group === "This task")
      .map((command) => command.title(contextOf("", task)));
  assert.deepEqual(ofTask(), []);
  const views = ["Open the changes", "Open the workspace", "Edit the labels"];
  assert.deepEqual(ofTask(taskOf("running")), ["Stop the agent", ...views, "Mark the task as unread"]);
  assert.deepEqual(ofTask(taskOf("idle")), [...views, "Archive the task", "Mark the task as unread"]);
});

test("no two commands of a group have the same title", () => {
  const context = contextOf("", taskOf("idle"));
  const all = commands.map((command) => `${command.group}: ${command.title(context)}`);
  assert.equal(new Set(all).size, all.length);
});
