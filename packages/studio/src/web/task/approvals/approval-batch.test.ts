import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApprovalView } from "../../../contract.ts";
import { answersFor, selectBatch, summaryLine } from "./approval-batch.ts";

const question = (id: string, more: Partial<ApprovalView> = {}): ApprovalView => ({
  id,
  boundary: { tool: "mail_send" },
  title: "mail: mail_send",
  detail: '{\n  "to": "ada"\n}',
  truncated: false,
  options: [
    { id: `${id}-allow`, name: "Allow once", kind: "allow_once" },
    { id: `${id}-rule`, name: "Always", kind: "allow_always" },
    { id: `${id}-deny`, name: "Deny", kind: "reject_once" },
  ],
  createdAt: 1,
  expiresAt: 100,
  ...more,
});

test("a batch has the questions of the gate if there are several", () => {
  const { boundary: _, ...agents } = question("agent");
  assert.deepEqual(selectBatch([question("a"), agents]), []);
  const batch = selectBatch([question("a"), agents, question("b")]);
  assert.deepEqual(
    batch.map(({ id }) => id),
    ["a", "b"],
  );
});

test("an open question is offered whatever the browser's clock says", () => {
  const long = question("long ago", { expiresAt: Date.now() - 3_600_000 });
  assert.equal(selectBatch([long, question("b", { expiresAt: Number.MAX_SAFE_INTEGER })]).length, 2);
});

test("only the selected questions get the answer", () => {
  const batch = [question("a"), question("b"), question("c")];
  assert.deepEqual(answersFor(batch, new Set(["c", "a", "gone"]), "allow_once"), [
    { approvalId: "a", optionId: "a-allow" },
    { approvalId: "c", optionId: "c-allow" },
  ]);
  assert.deepEqual(answersFor(batch, new Set(["b"]), "reject_once"), [
    { approvalId: "b", optionId: "b-deny" },
  ]);
  assert.deepEqual(answersFor(batch, new Set(), "allow_once"), []);
});

test("a summary line marks a truncated detail", () => {
  assert.equal(summaryLine(question("a")), '{ "to": "ada" }');
  assert.equal(summaryLine(question("a", { truncated: true })), '{ "to": "ada" } …');
  assert.equal(summaryLine(question("a", { detail: "x".repeat(161) })), `${"x".repeat(160)} …`);
});
