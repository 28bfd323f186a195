import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskPullRequest } from "../../contract.ts";
import type { PublicationState } from "../publish/state.ts";
import { newTaskState, type TaskSession } from "../task-state.ts";
import { applyReport } from "../turns/reports.ts";
import { takeWork } from "../turns/work.ts";
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

test("the ends of attempts are news once, when the last one has come to rest; a choice is none", () => {
  const state = newTaskState(
    {
      ...{ taskId: "t", sessionId: "s1", title: "x", repository: "/r", agent: "demo", prompt: "do it" },
      ...{ unsafe: false, createdAt: 1, createdBy: "ada", attempts: [{ sessionId: "s2", agent: "demo" }] },
    },
    "p1",
  );
  const second = state.sessions?.[0];
  assert.ok(second);
  const news = () => takeNews(state, 5).map(({ task, change }) => [task.session?.id, change.type]);
  const end = (session: TaskSession, promptId: string) => {
    takeWork(state, session);
    applyReport(state, { type: "turn-ended", promptId }, session);
  };
  assert.deepEqual(news(), []);
  end(state, "p1");
  assert.deepEqual(news(), []);
  end(second, "s2");
  assert.deepEqual(news(), [[undefined, "finished"]]);
  assert.deepEqual(news(), []);
  // The second one is kept.
  state.closedAt = 6;
  second.copy = undefined;
  assert.deepEqual(news(), []);
});

test("failed checks of a pull request are news once for each commit, and again when none fails any more", () => {
  const { read } = taskWithPullRequest();
  assert.deepEqual(read("running", "c1"), []);
  assert.deepEqual(read("failure", "c1"), [[1, "ci-failed"]]);
  assert.deepEqual(read("failure", "c1"), []);
  assert.deepEqual(read("failure", "c2"), [[2, "ci-failed"]]);
  assert.deepEqual(read("success", "c2"), [[3, "ci-settled"]]);
  assert.deepEqual(read("failure", "c2", "closed"), []);
});
