import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LogEntry, Sender } from "../types.ts";
import { transcriptBlock, transcriptMark } from "./transcript.ts";

let count = 0;

function entry(sender: Sender, payload: object): LogEntry {
  count += 1;
  return { version: 1, sequence: count, createdAt: 0, sender, payload: JSON.stringify(payload) };
}

const prompt = (...blocks: object[]) =>
  entry("client", { method: "session/prompt", params: { prompt: blocks } });
const text = (value: string) => ({ type: "text", text: value });
const update = (fields: object) => entry("agent", { method: "session/update", params: { update: fields } });
const chunk = (value: string) => update({ sessionUpdate: "agent_message_chunk", content: text(value) });

describe("transcripts", () => {
  test("contains messages and tool calls in order, with chunks joined", () => {
    const entries = [
      prompt(text("Do it."), { type: "resource_link", uri: "file:///a" }),
      chunk("I am "),
      chunk("at it."),
      update({ sessionUpdate: "agent_thought_chunk", content: text("hm") }),
      update({ sessionUpdate: "tool_call", toolCallId: "1", title: "Edit a", status: "pending" }),
      update({ sessionUpdate: "tool_call_update", toolCallId: "1", status: "completed" }),
      entry("server", { method: "_session/prompt", params: {} }),
      chunk("Done."),
      prompt(text("Thanks."), { type: "image", data: "AAAA" }),
    ];
    const block = transcriptBlock(entries.reverse(), 10_000);
    const lines = String(block?.text).split("\n").slice(1, -1);
    assert.deepEqual(lines, [
      "[user] Do it.",
      "<file:///a>",
      "[agent] I am at it.",
      "[tool] Edit a: pending",
      "[tool] 1: completed",
      "[agent] Done.",
      "[user] Thanks.",
      "(image)",
    ]);
  });

  test("keeps the newest part and marks the omission", () => {
    const entries = Array.from({ length: 1_000 }, (_, index) => prompt(text(`prompt ${index}`))).reverse();
    const all = String(transcriptBlock(entries, 1_000_000)?.text);
    assert.match(all, /prompt 0\n/);
    assert.doesNotMatch(all, /left out/);
    const some = String(transcriptBlock(entries, 2_000)?.text);
    assert.ok(Buffer.byteLength(some) <= 2_000);
    assert.match(some, /left out/);
    assert.match(some, /prompt 999\n/);
    assert.doesNotMatch(some, /prompt 0\n/);
  });

  test("keeps the end of an entry that does not fit", () => {
    const said = String(
      transcriptBlock([chunk(`${"x".repeat(5_000)} the end`), prompt(text("Begin."))], 2_000)?.text,
    );
    assert.ok(Buffer.byteLength(said) <= 2_000 && said.length > 1_900);
    assert.match(said, /left out\)\n\[agent\] x+ the end\n/);
    assert.doesNotMatch(said, /Begin/);
    for (const maxBytes of [1_000, 1_001, 1_002]) {
      const cut = String(transcriptBlock([prompt(text("€".repeat(1_000)))], maxBytes)?.text);
      assert.match(cut, /\[user\] €+\n/);
      assert.ok(Buffer.byteLength(cut) <= maxBytes);
    }
    const lone = transcriptBlock([prompt(text("half \ud800")), prompt(text("Begin."))], 2_000);
    assert.match(String(lone?.text), /\[user\] Begin\.\n\[user\] half/);
  });

  test("omits earlier transcripts, and is undefined for an empty history", () => {
    const first = transcriptBlock([prompt(text("lantern"))], 10_000);
    assert.ok(first);
    assert.deepEqual(first._meta, { [transcriptMark]: true });
    const second = String(transcriptBlock([prompt(first, text("harbour"))], 10_000)?.text);
    assert.doesNotMatch(second, /lantern/);
    assert.match(second, /harbour/);
    assert.equal(transcriptBlock([], 10_000), undefined);
    assert.equal(transcriptBlock([entry("agent", { id: 1, result: {} })], 10_000), undefined);
  });
});
