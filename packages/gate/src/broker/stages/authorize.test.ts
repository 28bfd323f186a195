import assert from "node:assert/strict";
import { test } from "node:test";
import { isOffered, ToolNames } from "./authorize.ts";

test("a jail is offered the tools that it was opened with, and those of its group", () => {
  const names = new ToolNames(["read_file", "git_*"]);
  const offered = (name: string, allowedGroups?: readonly string[]) =>
    isOffered({ name, ...(allowedGroups === undefined ? {} : { allowedGroups }) }, "home", names);
  assert.deepEqual([offered("read_file"), offered("git_push"), offered("git_")], [true, true, true]);
  assert.deepEqual(
    [offered("send_mail"), offered("read_file_2"), offered("agit_push")],
    [false, false, false],
  );
  assert.deepEqual([offered("read_file", ["home"]), offered("read_file", ["other"])], [true, false]);
  assert.equal(isOffered({ name: "send_mail" }, "home", undefined), true);
  assert.equal(isOffered({ name: "send_mail" }, "home", new ToolNames([])), false);
});
