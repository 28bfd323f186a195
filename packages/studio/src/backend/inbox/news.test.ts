import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskPullRequest } from "../../contract.ts";
import type { PublicationState } from "../publish/state.ts";
import { newTaskState } from "../task-state.ts";
import { takeNews } from "./news.ts";

function taskWithPullRequest() {
  const state = newTaskState(
    {
      ...{ taskId: "t", sessionId: "s", title: "x", repository: "/r", agent: "demo", prompt: "do it" },
      ...{ unsafe: false, createdAt: 1, createdBy: "ada" },
    },
    "p",
  );
  const read = (
    checks: TaskPullRequest["checks"],
    headCommit: string,
    now: TaskPullRequest["state"] = "open",
  ) => {
    const pullRequest: TaskPullRequest = {
      ...{ repository: "birds/nest", number: 7, webUrl: "", title: "x", state: now, isDraft: false, checks },
    };
    const publication: PublicationState = {
      target: { repositoryId: "r", name: "birds/nest", kind: "github" },
      ...{ branch: "b", baseBranch: "main", revision: 1, addressed: [], pullRequest, headCommit },
    };
    state.publication = publication;
    return takeNews(state, 5).map(({ seq, change }) => [seq, change.type]);
  };
  takeNews(state, 1);
  return { state, read };
}

test("failed checks of a pull request are news once for each commit, and again when none fails any more", () => {
  const { read } = taskWithPullRequest();
  assert.deepEqual(read("running", "c1"), []);
  assert.deepEqual(read("failure", "c1"), [[1, "ci-failed"]]);
  assert.deepEqual(read("failure", "c1"), []);
  assert.deepEqual(read("failure", "c2"), [[2, "ci-failed"]]);
  assert.deepEqual(read("success", "c2"), [[3, "ci-settled"]]);
  assert.deepEqual(read("failure", "c2", "closed"), []);
});
