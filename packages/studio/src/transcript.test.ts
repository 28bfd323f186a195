import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SessionEventBody } from "./contract.ts";
import { createTranscript, reduceTranscript, type Transcript } from "./transcript.ts";

function log(...bodies: SessionEventBody[]) {
  return bodies.map((body, index) => ({ seq: index + 1, at: 1_000 + index, body }));
}

function update(fields: Record<string, unknown>): SessionEventBody {
  const envelope = { jsonrpc: "2.0", method: "session/update", params: { sessionId: "s", update: fields } };
  return { type: "acp", direction: "from-agent", envelope };
}

function say(text: string): SessionEventBody {
  return update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
}

function reduce(...bodies: SessionEventBody[]): Transcript {
  return reduceTranscript(createTranscript(), log(...bodies));
}

function shapes(transcript: Transcript): string[] {
  return transcript.items.map((item) =>
    item.type === "message" || item.type === "prompt" || item.type === "thought"
      ? `${item.type}:${item.text}`
      : item.type === "tool"
        ? `tool:${item.title}:${item.status}`
        : item.type,
  );
}

describe("the transcript", () => {
  test("joins chunks until another kind of item comes between", () => {
    const transcript = reduce(
      { type: "prompt", text: "do it" },
      say("Hel"),
      say("lo"),
      update({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "hm" } }),
      say("there"),
      { type: "turn-ended", stopReason: "end_turn" },
      { type: "prompt", text: "more" },
      say("again"),
    );
    assert.deepEqual(shapes(transcript), [
      "prompt:do it",
      "message:Hello",
      "thought:hm",
      "message:there",
      "prompt:more",
      "message:again",
    ]);
    assert.equal(transcript.running, true);
  });

  test("is the same whether events are applied together, one by one, or twice", () => {
    const events = log(
      { type: "prompt", text: "x" },
      say("a"),
      update({ sessionUpdate: "tool_call", toolCallId: "1", title: "Edit", status: "pending" }),
      say("b"),
      say("c"),
      { type: "turn-ended", stopReason: "cancelled" },
    );
    const complete = reduceTranscript(createTranscript(), events);
    let single = createTranscript();
    for (const event of events) single = reduceTranscript(single, [event]);
    assert.deepEqual(single, complete);
    assert.deepEqual(reduceTranscript(complete, events), complete);
  });

  test("does not modify its input", () => {
    const before = reduce({ type: "prompt", text: "x" }, say("a"));
    const copy = structuredClone(before);
    reduceTranscript(before, [{ seq: 3, at: 1, body: say("b") }]);
    assert.deepEqual(before, copy);
  });

  test("merges updates of a tool call by its id, and keeps omitted fields", () => {
    const transcript = reduce(
      update({
        sessionUpdate: "tool_call",
        toolCallId: "1",
        title: "Edit a.txt",
        kind: "edit",
        rawInput: { path: "a.txt" },
        locations: [{ path: "/workspace/a.txt", line: 3 }],
      }),
      update({
        sessionUpdate: "tool_call_update",
        toolCallId: "1",
        status: "completed",
        title: null,
        content: [
          { type: "diff", path: "a.txt", oldText: null, newText: "new\n" },
          { type: "content", content: { type: "text", text: "done" } },
        ],
      }),
    );
    assert.deepEqual(transcript.items, [
      {
        type: "tool",
        id: "t0:1",
        at: 1_000,
        toolCallId: "1",
        title: "Edit a.txt",
        kind: "edit",
        status: "completed",
        input: '{\n  "path": "a.txt"\n}',
        output: "done",
        diffs: [{ path: "a.txt", newText: "new\n" }],
        images: [],
        locations: [{ path: "/workspace/a.txt", line: 3 }],
      },
    ]);
  });

  test("keeps pictures of a tool, and no other data as one", () => {
    const data = Buffer.from("a picture").toString("base64");
    const picture = (block: object) => ({ type: "content", content: { type: "image", data, ...block } });
    const transcript = reduce(
      update({ sessionUpdate: "tool_call", toolCallId: "1", title: "Screenshot" }),
      update({
        sessionUpdate: "tool_call_update",
        toolCallId: "1",
        rawOutput: { data },
        content: [
          picture({ mimeType: "image/jpeg" }),
          picture({ mimeType: "image/svg+xml" }),
          picture({ mimeType: "image/png", data: '" onerror="alert(1)' }),
          picture({ mimeType: "image/png", data: "A".repeat(8 * 1_048_576 + 4) }),
          ...Array.from({ length: 10 }, () => picture({ mimeType: "image/png" })),
        ],
      }),
      update({ sessionUpdate: "tool_call_update", toolCallId: "1", status: "completed" }),
    );
    const [call] = transcript.items;
    assert.ok(call?.type === "tool");
    assert.equal(call.output, "");
    assert.equal(call.images.length, 8);
    assert.deepEqual(call.images.slice(0, 2), [
      { mimeType: "image/jpeg", data },
      { mimeType: "image/png", data },
    ]);
  });

  test("separates the tool calls of two agent processes, and ends those of the first", () => {
    const transcript = reduce(
      { type: "agent-started", agent: "demo", resumed: "new" },
      update({ sessionUpdate: "tool_call", toolCallId: "1", title: "First", status: "in_progress" }),
      { type: "interrupted", reason: "The server stopped." },
      { type: "agent-started", agent: "demo", resumed: "transcript" },
      update({ sessionUpdate: "tool_call", toolCallId: "1", title: "Second", status: "completed" }),
    );
    assert.deepEqual(shapes(transcript), ["tool:First:failed", "notice", "notice", "tool:Second:completed"]);
  });

  test("hides what an agent replays while it loads its session", () => {
    const transcript = reduce(
      say("once"),
      { type: "acp", direction: "to-agent", envelope: { id: 2, method: "session/load", params: {} } },
      say("once"),
      { type: "acp", direction: "from-agent", envelope: { id: 2, result: {} } },
      { type: "agent-started", agent: "demo", resumed: "native" },
      say("new"),
    );
    assert.deepEqual(shapes(transcript), ["message:once", "notice", "message:new"]);
  });

  test("tracks approvals from question to answer", () => {
    const approval = {
      id: "a1",
      title: "Write",
      detail: "",
      truncated: false,
      options: [],
      createdAt: 1,
      expiresAt: 2,
    };
    const asked = reduce({ type: "approval-requested", approval });
    assert.deepEqual(asked.pendingApprovals, [approval]);
    const settled = reduceTranscript(asked, [
      {
        seq: 2,
        at: 2,
        body: { type: "approval-settled", approvalId: "a1", outcome: "denied", optionId: "no" },
      },
    ]);
    assert.deepEqual(settled.pendingApprovals, []);
    assert.deepEqual(settled.items, [
      { type: "approval", id: "e1", at: 1_000, approval, state: "denied", optionId: "no" },
    ]);
  });

  test("replaces the plan and reads the context window", () => {
    const transcript = reduce(
      update({ sessionUpdate: "plan", entries: [{ content: "old", priority: "low", status: "pending" }] }),
      update({ sessionUpdate: "plan", entries: [{ content: "new", priority: "x", status: "completed" }, 7] }),
      update({ sessionUpdate: "usage_update", used: 5, size: 10 }),
    );
    assert.deepEqual(transcript.plan, [{ content: "new", priority: "medium", status: "completed" }]);
    assert.deepEqual(transcript.context, { used: 5, size: 10 });
  });

  test("never throws on invalid input, and stays in sync", () => {
    const garbage: unknown[] = [null, 7, "x", [], {}, { method: 3 }, { method: "session/update" }];
    for (const inner of [null, 1, [], { sessionUpdate: null }, { sessionUpdate: "never_heard_of" }]) {
      garbage.push({ method: "session/update", params: { update: inner } });
    }
    for (const kind of [
      "tool_call",
      "tool_call_update",
      "plan",
      "agent_message_chunk",
      "current_mode_update",
    ]) {
      for (const value of [null, 1, "x", [null], { type: 1 }]) {
        const fields = { toolCallId: value, title: value, content: value, entries: value, locations: value };
        garbage.push({ method: "session/update", params: { update: { sessionUpdate: kind, ...fields } } });
      }
    }
    const bodies = garbage.map(
      (envelope): SessionEventBody => ({ type: "acp", direction: "from-agent", envelope }),
    );
    const transcript = reduce(...bodies, say("still here"));
    assert.equal(transcript.head, bodies.length + 1);
    assert.ok(shapes(transcript).includes("message:still here"));
  });
});
