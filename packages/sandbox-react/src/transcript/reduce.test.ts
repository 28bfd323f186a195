import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  createTranscript,
  reducePermissionRequest,
  reduceTranscript,
  type Transcript,
  type TranscriptEntry,
  type TranscriptEvent,
  transcriptEntries,
} from "./index.ts";

/** Events of a log, numbered from 1. */
function log(
  ...messages: readonly [sender: TranscriptEvent["sender"], payload: unknown][]
): TranscriptEvent[] {
  return messages.map(([sender, payload], index) => ({
    sequence: index + 1,
    createdAt: 1_000 + index,
    sender,
    payload,
  }));
}

type Message = [sender: TranscriptEvent["sender"], payload: unknown];

const prompt = (id: unknown, ...texts: string[]): Message => [
  "client",
  { id, method: "session/prompt", params: { prompt: texts.map((text) => ({ type: "text", text })) } },
];
const update = (kind: string, more: object): Message => [
  "agent",
  { method: "session/update", params: { sessionId: "s", update: { sessionUpdate: kind, ...more } } },
];
const agentText = (text: string, more: object = {}): Message =>
  update("agent_message_chunk", { content: { type: "text", text }, ...more });
const ended = (id: unknown, stopReason: string): Message => ["agent", { id, result: { stopReason } }];
const question = (id: unknown, toolCallId: string): Message => [
  "agent",
  {
    id,
    method: "session/request_permission",
    params: {
      toolCall: { toolCallId, title: "Edit", rawInput: { path: "a" } },
      options: [{ optionId: "yes", name: "Yes", kind: "allow_once" }],
    },
  },
];

/** Formats an entry as one line. */
function line(entry: TranscriptEntry): string {
  switch (entry.kind) {
    case "message":
      return `${entry.role}: ${entry.text}`;
    case "reasoning":
      return `thought: ${entry.reasoning?.text}`;
    case "tool":
      return `tool: ${entry.toolName} ${entry.toolStatus}`;
    case "meta":
      return `${entry.meta?.severity}: ${entry.meta?.title}`;
    case "permission":
      return `asks: ${entry.permission?.permissionId} ${entry.permission?.state} ${entry.permission?.selectedOptionId}`;
  }
}

const lines = (transcript: Transcript) => transcript.entries.map(line);
const read = (...messages: Message[]) => reduceTranscript(createTranscript(), log(...messages));

describe("reducing events to transcript entries", () => {
  test("chunks are joined to messages and thoughts; tools, prompts and message ids separate them", () => {
    const transcript = read(
      prompt(1, "Hello", "you"),
      update("agent_thought_chunk", { content: { type: "text", text: "Hm" } }),
      update("agent_thought_chunk", { content: { type: "text", text: "m" } }),
      agentText("One "),
      agentText("two"),
      update("tool_call", { toolCallId: "t", title: "Look", status: "pending" }),
      agentText("three"),
      agentText("four", { messageId: "m1" }),
      agentText("five", { messageId: "m2" }),
      ended(1, "end_turn"),
      prompt(2, "Again"),
      agentText("six"),
    );
    assert.deepEqual(lines(transcript), [
      "user: Hello\n\nyou",
      "thought: Hmm",
      "assistant: One two",
      "tool: Look pending",
      "assistant: threefour",
      "assistant: five",
      "user: Again",
      "assistant: six",
    ]);
    assert.equal(transcript.running, true);
    assert.equal(transcript.head, 12);
  });

  test("a tool call merges the fields of each update", () => {
    const [entry] = transcriptEntries(
      log(
        update("tool_call", { toolCallId: "t", title: "Edit a", kind: "edit", rawInput: { path: "a" } }),
        update("tool_call_update", {
          toolCallId: "t",
          status: "in_progress",
          content: [{ type: "diff", path: "a", oldText: "x", newText: "y" }],
        }),
        update("tool_call_update", { toolCallId: "t", status: "completed", rawOutput: { bytes: 1 } }),
      ),
    );
    assert.ok(entry);
    assert.deepEqual(
      { ...entry, id: "" },
      {
        id: "",
        eventId: "1",
        kind: "tool",
        time: new Date(1_000).toISOString(),
        toolName: "Edit a",
        toolStatus: "completed",
        toolKind: "edit",
        toolInput: '{\n  "path": "a"\n}',
        toolOutput: '{\n  "bytes": 1\n}',
        toolChanges: [{ path: "a", oldText: "x", newText: "y" }],
      },
    );
  });

  test("pages, repeated pages and single events give the same transcript, and inputs are not modified", () => {
    const events = log(
      prompt(1, "Go"),
      agentText("a"),
      question(7, "t"),
      ["client", { id: 7, result: { outcome: { outcome: "selected", optionId: "yes" } } }],
      agentText("b"),
      ended(1, "end_turn"),
    );
    const complete = reduceTranscript(createTranscript(), events);
    let single = createTranscript();
    const before: Transcript[] = [];
    for (const event of events) {
      before.push(structuredClone(single));
      const next = reduceTranscript(single, event);
      assert.deepEqual(single, before.at(-1));
      single = next;
    }
    assert.deepEqual(single.entries, complete.entries);
    const twice = reduceTranscript(reduceTranscript(createTranscript(), events.slice(0, 4)), events.slice(2));
    assert.deepEqual(twice.entries, complete.entries);
    assert.equal(reduceTranscript(complete, events), complete);
    assert.deepEqual(lines(complete), ["user: Go", "assistant: a", "asks: 7 answered yes", "assistant: b"]);
  });

  test("a question is one entry, whether the agent's request or the server's record comes first", () => {
    const address = {
      id: "address",
      createdAt: 5,
      options: [{ optionId: "yes", name: "Yes", kind: "allow_once" }],
      toolCall: { toolCallId: "t", title: "Edit" },
    };
    const [start, asked, answered] = [
      log(prompt(1, "Go")),
      log(prompt(1, "Go"), question(7, "t")),
      log(prompt(1, "Go"), question(7, "t"), [
        "client",
        { id: 7, result: { outcome: { outcome: "selected", optionId: "yes" } } },
      ]),
    ];
    const requestFirst = reducePermissionRequest(reduceTranscript(createTranscript(), asked), address);
    const addressFirst = reduceTranscript(
      reducePermissionRequest(reduceTranscript(createTranscript(), start), address),
      asked,
    );
    for (const transcript of [requestFirst, addressFirst]) {
      assert.deepEqual(lines(transcript), ["user: Go", "asks: address pending undefined"]);
      assert.equal(reducePermissionRequest(transcript, address), transcript);
      assert.deepEqual(lines(reduceTranscript(transcript, answered))[1], "asks: address answered yes");
    }
  });

  test("an event with an invalid time is shown", () => {
    for (const createdAt of [8.64e15 + 1, -1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
      const events = log(prompt(1, "Go")).map((event) => ({ ...event, createdAt }));
      const transcript = reduceTranscript(createTranscript(), events);
      const request = { id: "p", createdAt, toolCall: { toolCallId: "t", title: "Edit" }, options: [] };
      const { entries } = reducePermissionRequest(transcript, request);
      assert.deepEqual(
        entries.map(({ kind, time }) => `${kind} ${time}`),
        ["message 1970-01-01T00:00:00.000Z", "permission 1970-01-01T00:00:00.000Z"],
      );
    }
  });

  test("a question whose server record arrives after its answer is not reopened", () => {
    const address = (id: string, createdAt: number) => ({
      id,
      createdAt,
      options: [{ optionId: "yes", name: "Yes", kind: "allow_once" }],
      toolCall: { toolCallId: "t", title: "Edit" },
    });
    const answer = (id: number): Message => [
      "client",
      { id, result: { outcome: { outcome: "selected", optionId: "yes" } } },
    ];
    const base = read(prompt(1, "Go"), question(7, "t"), answer(7));
    const answered = reducePermissionRequest(base, address("first", 1_001));
    assert.deepEqual(lines(answered), ["user: Go", "asks: first answered yes"]);
    assert.equal(reducePermissionRequest(answered, address("first", 1_001)), answered);
    const withdrawn = read(prompt(1, "Go"), question(7, "t"), ended(1, "end_turn"));
    const late = reducePermissionRequest(withdrawn, address("late", 1_001));
    assert.deepEqual(lines(late), ["user: Go", "asks: late cancelled undefined"]);
    // The tool call asks a second time: the new request belongs to the open question, the old one to the answered
    // question.
    const again = read(prompt(1, "Go"), question(7, "t"), answer(7), question(8, "t"));
    const both = [address("second", 1_003), address("first", 1_001)].reduce(reducePermissionRequest, again);
    assert.deepEqual(lines(both).slice(1), ["asks: first answered yes", "asks: second pending undefined"]);
  });

  test("a server log: its permission records, the exit of an agent, and the recovery", () => {
    const permission = (state: string, more: object = {}): Message => [
      "server",
      {
        method: "_session/permission",
        params: {
          id: "p",
          state,
          toolCall: { toolCallId: "t", title: "Edit" },
          options: [{ optionId: "yes", name: "Yes", kind: "allow_once" }],
          expiresAt: 99,
          ...more,
        },
      },
    ];
    const transcript = read(
      prompt("server-1", "Go"),
      update("tool_call", { toolCallId: "t", title: "Edit", status: "pending" }),
      question(1, "t"),
      permission("pending"),
      permission("answered", { optionId: "yes" }),
      ["client", { id: 1, result: { outcome: { outcome: "selected", optionId: "yes" } } }],
      ["server", { method: "_adapter/agent_exited", params: { success: false, code: 1, stderr: "oh" } }],
      ["server", { id: "server-1", error: { code: -32603, message: "The agent exited with code 1" } }],
      ["client", { id: "server-1", method: "initialize", params: {} }],
      ["client", { id: "server-2", method: "session/load", params: {} }],
      agentText("known already"),
      ["agent", { id: "server-2", result: {} }],
      ["server", { method: "_session/recovered", params: { recovery: "loaded" } }],
      prompt("server-3", "Again"),
      update("tool_call", { toolCallId: "t", title: "Another", status: "completed" }),
      ended("server-3", "end_turn"),
    );
    assert.deepEqual(lines(transcript), [
      "user: Go",
      "tool: Edit cancelled",
      "asks: p answered yes",
      "error: The agent exited with code 1",
      "info: The agent was restarted and remembers the conversation",
      "user: Again",
      "tool: Another completed",
    ]);
    assert.equal(transcript.running, false);
    assert.equal(transcript.entries[2]?.permission?.expiresAt, 99);
    assert.equal(transcript.entries[3]?.meta?.detail, "oh");
  });

  test("a cancelled, failed or interrupted turn withdraws its questions", () => {
    const cancelled = read(prompt(1, "Go"), question(2, "t"), ended(1, "cancelled"));
    assert.deepEqual(lines(cancelled).slice(1), ["asks: 2 cancelled undefined", "info: Turn cancelled"]);
    const failed = read(prompt(1, "Go"), ["agent", { id: 1, error: { code: 1, message: "No" } }]);
    assert.deepEqual(lines(failed).slice(1), ["error: No"]);
    const interrupted = read(prompt(1, "Go"), [
      "server",
      { method: "_session/prompt", params: { status: "interrupted", error: { message: "server_died" } } },
    ]);
    assert.deepEqual(lines(interrupted).slice(1), ["error: The turn was interrupted"]);
    const notice = (id: string, status: string): Message => [
      "server",
      { method: "_session/prompt", params: { id, status, error: { message: "not installed" } } },
    ];
    const refused = read(
      notice("a", "queued"),
      notice("a", "running"),
      prompt(1, "Go"),
      ["agent", { id: 1, error: { code: 1, message: "No" } }],
      notice("a", "failed"),
      notice("b", "queued"),
      notice("b", "failed"),
    );
    assert.deepEqual(lines(refused), [
      "user: Go",
      "error: No",
      "error: A prompt was not delivered to the agent",
    ]);
    assert.equal(refused.entries[2]?.meta?.detail, "not installed");
    assert.equal(interrupted.running, false);
  });

  test("plan, title, mode and context are reduced; the plan of a turn is one entry", () => {
    const plan = (status: string) => update("plan", { entries: [{ content: "Look", status }] });
    const transcript = read(
      prompt(1, "Go"),
      plan("pending"),
      agentText("a"),
      plan("completed"),
      update("current_mode_update", { currentModeId: "auto" }),
      update("session_info_update", { title: "Owls" }),
      update("usage_update", { used: 5, size: 10 }),
      ended(1, "end_turn"),
      prompt(2, "Go on"),
      plan("pending"),
    );
    assert.deepEqual(lines(transcript), [
      "user: Go",
      "info: Plan",
      "assistant: a",
      "user: Go on",
      "info: Plan",
    ]);
    assert.equal(transcript.entries[1]?.meta?.detail, "[x] Look");
    assert.deepEqual(transcript.plan, [{ content: "Look", status: "pending" }]);
    assert.deepEqual([transcript.modeId, transcript.title], ["auto", "Owls"]);
    assert.deepEqual(transcript.context, { used: 5, size: 10 });
  });

  test("an entry keeps its id when the log is read from an earlier event", () => {
    const events = log(
      prompt(1, "One"),
      agentText("first"),
      ended(1, "end_turn"),
      prompt(2, "Two"),
      agentText("second"),
    );
    const ids = (from: number) => transcriptEntries(events.slice(from)).map(({ id }) => id);
    assert.equal(ids(3).length, 2);
    assert.deepEqual(ids(0).slice(2), ids(3));
  });

  test("a replayed history in front of a prompt is not shown", () => {
    const blocks = [
      { type: "text", text: "old", _meta: { "holdfast.dev/transcript": true } },
      { type: "text", text: "Previous session history is replayed below as JSON-RPC envelopes.\n…" },
      { type: "resource_link", name: "a [b]", uri: "file:///a b" },
      { type: "text", text: "new" },
    ];
    const transcript = read(["client", { id: 1, method: "session/prompt", params: { prompt: blocks } }]);
    assert.deepEqual(lines(transcript), ["user: [a \\[b\\]](<file:///a%20b>)\n\nnew"]);
  });

  test("no message makes the reducer throw, and unknown ones are skipped", () => {
    const odd = [null, 1, "x", [], {}, { method: 1 }, { method: "session/update" }, { id: {}, result: [] }];
    const updates = [null, [], { sessionUpdate: "tool_call" }, { sessionUpdate: "plan", entries: {} }];
    const transcript = read(
      prompt(1, "Go"),
      ...odd.flatMap((payload): Message[] => [
        ["agent", payload],
        ["client", payload],
        ["server", payload],
      ]),
      ...updates.map((value): Message => ["agent", { method: "session/update", params: { update: value } }]),
      ["agent", { method: "session/request_permission", id: 9, params: { options: [1, {}] } }],
      ["server", { method: "_session/permission", params: { id: 5, state: "odd" } }],
    );
    assert.equal(transcript.entries.filter(({ kind }) => kind === "message").length, 1);
    assert.equal(new Set(transcript.entries.map(({ id }) => id)).size, transcript.entries.length);
  });
});
