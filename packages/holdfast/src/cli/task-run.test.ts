import assert from "node:assert/strict";
import { test } from "node:test";
import type { StudioClient, TaskStatus, TaskView } from "@holdfast/studio";
import { TaskRun } from "./task-run.ts";

function view(status: TaskStatus, revision: number): TaskView {
  return {
    ...{ id: "t", title: "x", repository: "/r", agent: "demo", status, createdAt: 0, updatedAt: 0 },
    ...{ unsafe: false, sessionId: "s", base: { branch: "main", commit: "c" }, approvals: [] },
    ...{ usage: { inputTokens: 0, outputTokens: 0, requests: 0 }, revision },
  };
}

test("a run learns of what it missed while its server was started anew", async () => {
  let now = view("running", 1);
  let missed = () => {};
  const looked = Promise.withResolvers<void>();
  const subscription = { close: async () => {} };
  const client = {
    task: () => ({
      get: async () => now,
      on: async (_name: string, _listener: unknown, onMissed: () => void) => {
        missed = onMissed;
        return subscription;
      },
    }),
    session: () => ({
      events: async () => {
        looked.resolve();
        return { events: [], head: 0 };
      },
      on: async () => subscription,
    }),
  } as unknown as StudioClient;
  const run = new TaskRun(client, "t", "deny", true).untilEnded();
  await looked.promise;
  // By the end of this turn of the event loop it waits for the next change.
  await new Promise(setImmediate);
  now = view("idle", 2);
  missed();
  assert.equal((await run).status, "idle");
});
