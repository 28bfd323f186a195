import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parsePermission, ToolCallHistory } from "./permission.ts";

const options = [{ optionId: "a", kind: "allow_once", name: "Allow" }];

describe("a permission request", () => {
  test("is completed with the agent's earlier description of the call", () => {
    const known = new ToolCallHistory();
    const content = [
      { type: "diff", path: "/workspace/a.txt", oldText: "one\ntwo\n", newText: "one\nTWO\n" },
    ];
    known.record({
      update: { sessionUpdate: "tool_call", toolCallId: "1", title: "Edit files", kind: "edit", content },
    });
    const request = parsePermission({ toolCall: { toolCallId: "1" }, options }, known, 1_000);
    assert.equal(request?.title, "Edit files");
    assert.equal(request?.detail, "/workspace/a.txt\n-two\n+TWO");
    assert.deepEqual(request?.call, { title: "Edit files", kind: "edit", content });
  });

  test("shows a command verbatim, and escapes deceptive characters", () => {
    const toolCall = { rawInput: { command: "ls \u202e txt.exe\u0007\nrm x" }, title: "Run" };
    const request = parsePermission({ toolCall, options }, new ToolCallHistory(), 1_000);
    assert.equal(request?.detail, "$ ls \\u{202e} txt.exe\\u{7}\nrm x");
  });

  test("is truncated above the limit and flagged, and complete at the limit", () => {
    const ask = (length: number) =>
      parsePermission({ toolCall: { rawInput: "x".repeat(length) }, options }, new ToolCallHistory(), 100);
    assert.deepEqual([ask(100)?.truncated, ask(100)?.detail.length], [false, 100]);
    assert.deepEqual([ask(101)?.truncated, ask(101)?.detail.length], [true, 100]);
  });

  test("is refused without a recognized option, whatever else it contains", () => {
    for (const params of [
      null,
      1,
      "x",
      [],
      {},
      { options: [{}] },
      { options: [{ optionId: "a", kind: "maybe" }] },
    ]) {
      assert.equal(parsePermission(params, new ToolCallHistory(), 100), undefined);
    }
    const odd = { toolCall: { content: [null, 7, { type: "diff" }], rawInput: [1], locations: 3 }, options };
    assert.equal(parsePermission(odd, new ToolCallHistory(), 100)?.title, "The agent asks for permission");
  });
});
