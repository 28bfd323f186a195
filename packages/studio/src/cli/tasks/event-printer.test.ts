import assert from "node:assert/strict";
import { test } from "node:test";
import { harmless, jsonLine, type Screen } from "@holdfast/cli";
import { EventPrinter, printDiff } from "./event-printer.ts";

function collect(): Screen & { readonly text: () => string } {
  let text = "";
  return {
    color: false,
    write: (chunk) => {
      text += chunk;
    },
    text: () => text,
  };
}

test("output of a jail cannot control the terminal", () => {
  assert.equal(harmless("\u001b]0;owned\u0007 \u001b[2J"), "\\u001b]0;owned\\u0007 \\u001b[2J");
  assert.equal(harmless("a\tb\nc\r\n"), "a\tb\nc\n");
  assert.equal(harmless("user\u202eexe.txt"), "user\\u202eexe.txt");
  assert.equal(harmless("\u009b31m"), "\\u009b31m");
  assert.equal(harmless("héllo 🙂"), "héllo 🙂");
});

test("a line of JSON cannot control it either, and parses to the same value", () => {
  const value = { title: "a\u009b2J\u202e\u001b[2J\r\n", list: ["é", null] };
  const line = jsonLine(value);
  assert.equal(line, '{"title":"a\\u009b2J\\u202e\\u001b[2J\\r\\n","list":["é",null]}');
  assert.deepEqual(JSON.parse(line), value);
});

test("messages stream on one line and tool calls take one line each", () => {
  const screen = collect();
  const printer = new EventPrinter(screen);
  let seq = 0;
  const update = (content: object) =>
    printer.print({
      seq: ++seq,
      at: 0,
      body: {
        type: "acp",
        direction: "from-agent",
        envelope: { jsonrpc: "2.0", method: "session/update", params: { sessionId: "s", update: content } },
      },
    });
  update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: "Hel" } });
  update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: "lo" } });
  update({ sessionUpdate: "tool_call", toolCallId: "1", title: "Edit README.md", status: "pending" });
  update({ sessionUpdate: "tool_call_update", toolCallId: "1", status: "in_progress" });
  update({ sessionUpdate: "tool_call_update", toolCallId: "1", status: "completed" });
  update({ sessionUpdate: "something_new", anything: true });
  printer.print({ seq: ++seq, at: 0, body: { type: "turn-ended", stopReason: "end_turn" } });
  assert.equal(screen.text(), "Hello\n- Edit README.md\n+ Edit README.md\n[turn ended: end_turn]\n");
});

test("malformed envelopes are ignored", () => {
  const printer = new EventPrinter(collect());
  for (const envelope of [
    null,
    1,
    "x",
    [],
    {},
    { method: "session/update" },
    { method: "session/update", params: {} },
    { method: "session/update", params: { update: "x" } },
    updateOf({ sessionUpdate: "plan", entries: [null, 1, { content: { toString: 1, valueOf: 1 } }] }),
    updateOf({ sessionUpdate: "tool_call", toolCallId: { toString: 1, valueOf: 1 } }),
    updateOf({ sessionUpdate: "agent_message_chunk", content: null }),
  ]) {
    printer.print({ seq: 1, at: 0, body: { type: "acp", direction: "from-agent", envelope } });
  }
});

test("a tool call without a title is shown by its id, with control characters escaped", () => {
  const screen = collect();
  const printer = new EventPrinter(screen);
  const call = { toolCallId: "\u001b]0;owned\u0007" };
  for (const update of [
    { ...call, sessionUpdate: "tool_call" },
    { ...call, sessionUpdate: "tool_call_update", status: "completed" },
  ]) {
    const body = { type: "acp", direction: "from-agent", envelope: updateOf(update) } as const;
    printer.print({ seq: 1, at: 0, body });
  }
  assert.equal(screen.text(), "- \\u001b]0;owned\\u0007\n+ \\u001b]0;owned\\u0007\n");
});

function updateOf(update: object): object {
  return { jsonrpc: "2.0", method: "session/update", params: { sessionId: "s", update } };
}

test("a diff marks files that run on the user's machine, and truncation", () => {
  const screen = collect();
  printDiff(screen, {
    base: "0".repeat(40),
    tree: "1".repeat(40),
    truncated: true,
    files: [
      {
        path: "Makefile",
        status: "added",
        additions: 1,
        deletions: 0,
        binary: false,
        contentId: "c",
        patch: "@@ -0,0 +1 @@\n+all:\u001b[2J\n",
        runsOnYourMachine: true,
      },
    ],
  });
  assert.equal(
    screen.text(),
    "added Makefile (+1 -0)  runs on your machine\n@@ -0,0 +1 @@\n+all:\\u001b[2J\nThe diff was truncated at its limit.\n",
  );
});
