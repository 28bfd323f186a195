import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionEvent } from "../../api/types.ts";
import { summarizeEvent } from "./event-summary.ts";

function words(payload: Record<string, unknown>): string {
  const event: SessionEvent = {
    version: 1,
    sessionId: "s",
    sequence: 1,
    createdAt: 0,
    sender: "agent",
    payload,
  };
  const { name, summary } = summarizeEvent(event);
  return summary === "" ? name : `${name} | ${summary}`;
}

test("an event is summarized by its method and its content", () => {
  const chunk = { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "Hello" } };
  assert.equal(
    words({ method: "session/update", params: { update: chunk } }),
    "session/update | agent_message_chunk: Hello",
  );
  const call = { sessionUpdate: "tool_call", title: "Read README.md", status: "pending" };
  assert.equal(
    words({ method: "session/update", params: { update: call } }),
    "session/update | tool_call: Read README.md, pending",
  );
  assert.equal(
    words({ method: "session/prompt", params: { prompt: [{ type: "text", text: "go" }] } }),
    "session/prompt | go",
  );
  assert.equal(words({ id: 3, result: { stopReason: "end_turn" } }), "response | id 3, end_turn");
  assert.equal(words({ id: 3, error: { code: -32603, message: "no" } }), "error | no (id 3)");
});

test("an event of an unexpected shape gets a shorter summary, and nothing throws", () => {
  assert.equal(words({ method: "session/update" }), "session/update");
  assert.equal(words({ method: "session/update", params: { update: null } }), "session/update");
  assert.equal(words({ method: "session/prompt", params: { prompt: "text" } }), "session/prompt");
  assert.equal(words({}), "response | id ");
});
