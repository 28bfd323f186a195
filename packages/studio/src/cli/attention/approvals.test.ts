import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApprovalView, StudioClient, TaskStatus, TaskSummary } from "@holdfast/studio";
import { detailLines, formatQuestion, openApprovals, originLines } from "./approvals.ts";

const approval: ApprovalView = {
  id: "a1",
  boundary: { tool: "send_mail" },
  title: "mail: send_mail",
  detail: '{\n  "to": "ada"\n}',
  truncated: false,
  options: [],
  createdAt: 0,
  expiresAt: 0,
};

test("a gate question shows who asks, and the origin of untrusted text that may have caused it", () => {
  const from = (origin: string): ApprovalView => ({ ...approval, boundary: { tool: "send_mail", origin } });
  assert.deepEqual(originLines(approval), []);
  assert.match(formatQuestion({ taskId: "t1", approval }), /THE GATE REQUIRES APPROVAL/);
  const text = formatQuestion({ taskId: "t1", approval: from("egress to a.example\u001b[2K\u202e") });
  assert.match(text, /this session contains untrusted content: egress to a\.example\\u001b\[2K\\u202e\n/);
  const { boundary: _, ...agents } = approval;
  assert.match(formatQuestion({ taskId: "t1", approval: agents }), /the agent requests approval/);
});

test("a truncated question says where it is truncated", () => {
  const { boundary: _, ...agents } = approval;
  assert.deepEqual(detailLines(approval), ["{", '  "to": "ada"', "}"]);
  assert.deepEqual(detailLines({ ...agents, detail: "$ rm -rf a\u001b[2K", truncated: true }), [
    "$ rm -rf a\\u001b[2K",
    "… truncated here: the rest is not shown",
  ]);
  const cut = formatQuestion({ taskId: "t1", approval: { ...approval, truncated: true } });
  assert.match(cut, /\n {4}Parts are not shown\. The marks above say how much is missing\.\n/);
  assert.match(
    formatQuestion({ taskId: "t1", approval: { ...agents, truncated: true } }),
    /\n {4}… truncated here/,
  );
});

test("listing approvals queries only tasks that have some or are running, and wakes no others", async () => {
  const row = (id: string, status: TaskStatus, count?: number): TaskSummary => ({
    ...{ id, title: id, repository: "/r", agent: "demo", status, createdAt: 0, updatedAt: 0, unsafe: false },
    ...(count === undefined ? {} : { openApprovals: count }),
  });
  const pages = [
    { tasks: [row("done", "idle", 0), row("asked", "idle", 1)], cursor: "asked" },
    { tasks: [row("working", "running", 0), row("stopped", "stopped", 0), row("old", "idle")] },
  ];
  const asked: string[] = [];
  const client = {
    organization: { listTasks: async () => pages.shift() },
    task: (id: string) => {
      asked.push(id);
      return { get: async () => ({ approvals: id === "asked" ? [approval] : [] }) };
    },
  } as unknown as StudioClient;
  assert.deepEqual(await openApprovals(client, undefined), [{ taskId: "asked", approval }]);
  assert.deepEqual(asked, ["asked", "working", "old"]);
});
