import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Conversation, OfferedTool, Turn } from "./conversation.ts";
import { nextReply, splitText } from "./reply.ts";
import { type ScriptStep, scriptPrompt } from "./script.ts";

const steps: readonly ScriptStep[] = [
  { say: "first" },
  { run: "true" },
  { think: "why" },
  { edit: { path: "x.txt", content: "one\ntwo\n" } },
  { say: "last" },
];

function conversation(names: readonly string[], turns: readonly Turn[], custom = ""): Conversation {
  const tools = new Map<string, OfferedTool>();
  for (const name of names) {
    tools.set(name, { kind: name === custom ? "custom" : "function", parameters: [] });
  }
  return { model: "m", stream: true, turns, tools, cwd: "/w", outputProperties: undefined, bodyBytes: 400 };
}

const prompt: Turn = { role: "user", text: scriptPrompt(steps) };
const result: Turn = { role: "tool", text: "ok" };

describe("nextReply", () => {
  test("plays up to the next tool call after the results so far", () => {
    const played = [[prompt], [prompt, result], [prompt, result, result]].map((turns) =>
      nextReply(conversation(["Bash", "Write"], turns)).parts.map((part) => part.type),
    );
    assert.deepEqual(played, [["say", "tool"], ["think", "tool"], ["say"]]);
  });

  test("continues an earlier script when the last prompt has none", () => {
    const turns: Turn[] = [prompt, result, { role: "user", text: "continue" }, result];
    assert.deepEqual(nextReply(conversation(["Bash", "Write"], turns)).parts, [
      { type: "say", text: "last", pieces: 3, delayMs: 0 },
    ]);
  });

  test("starts again with a new script", () => {
    const turns: Turn[] = [prompt, result, { role: "user", text: scriptPrompt([{ say: "new" }]) }];
    const [part] = nextReply(conversation(["Bash"], turns)).parts;
    assert.ok(part?.type === "say");
    assert.equal(part.text, "new");
  });

  test("answers a side request without tools with text", () => {
    const [part] = nextReply(conversation([], [prompt])).parts;
    assert.ok(part?.type === "say");
    assert.equal(part.text, "Mock title");
  });

  test("answers a side request for structured output with an object, without a tool call", () => {
    const request = { ...conversation(["Bash", "Write"], [prompt]), outputProperties: ["title"] };
    assert.deepEqual(nextReply(request).parts, [
      { type: "say", text: '{"title":"Mock title"}', pieces: 3, delayMs: 0 },
    ]);
  });

  test("reports the usage of the script", () => {
    const usage = { inputTokens: 7, outputTokens: 9 };
    const turns: Turn[] = [{ role: "user", text: scriptPrompt([{ say: "x" }], usage) }];
    assert.deepEqual(nextReply(conversation([], turns)).usage, usage);
  });

  test("calls the tools of each agent", () => {
    const edit: Turn[] = [prompt, result];
    const call = (names: readonly string[], turns: readonly Turn[], custom?: string): unknown => {
      const part = nextReply(conversation(names, turns, custom)).parts.at(-1);
      return part?.type === "tool" ? [part.call.name, part.call.input] : part?.type;
    };
    const patch = "*** Begin Patch\n*** Add File: x.txt\n+one\n+two\n*** End Patch";
    const written = JSON.stringify({ file_path: "/w/x.txt", content: "one\ntwo\n" });
    assert.deepEqual(call(["Bash", "Write"], edit), ["Write", written]);
    assert.deepEqual(call(["exec"], edit, "exec"), [
      "exec",
      `text(await tools.apply_patch(${JSON.stringify(patch)}));`,
    ]);
    assert.deepEqual(call(["write", "bash"], edit), [
      "write",
      JSON.stringify({ path: "x.txt", content: "one\ntwo\n" }),
    ]);
    assert.deepEqual(call(["apply_patch", "shell"], edit, "apply_patch"), ["apply_patch", patch]);
    assert.deepEqual(call(["shell"], [prompt]), ["shell", JSON.stringify({ command: ["sh", "-c", "true"] })]);
    assert.deepEqual(call(["exec_command"], [prompt]), ["exec_command", JSON.stringify({ cmd: "true" })]);
  });
});

test("splitText keeps the text and its surrogate pairs", () => {
  const text = "ab😀cd😀";
  for (let pieces = 1; pieces < 9; pieces += 1) {
    const parts = splitText(text, pieces);
    assert.equal(parts.join(""), text);
    assert.ok(parts.length <= pieces);
    assert.ok(parts.every((part) => part.isWellFormed()));
  }
});
