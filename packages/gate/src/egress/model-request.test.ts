import assert from "node:assert/strict";
import { test } from "node:test";
import type { EgressProvider } from "./egress.ts";
import { estimateLimits, readModelRequest } from "./model-request.ts";

const most = (provider: EgressProvider, path: string, body: object) =>
  readModelRequest(provider, path, Buffer.from(JSON.stringify(body))).outputTokens;

test("what a request may put out is bounded by the field of its own wire", () => {
  assert.equal(most("anthropic", "/v1/messages", { max_tokens: 7 }), 7);
  assert.equal(most("openai", "/chat/completions", { max_tokens: 7 }), 7);
  assert.equal(most("openrouter", "/chat/completions", { max_completion_tokens: 7, max_tokens: 9 }), 9);
  assert.equal(most("openai", "/responses", { max_output_tokens: 7 }), 7);
  assert.equal(most("openai", "/responses/compact", { max_output_tokens: 7 }), 7);
  const gemini = "/v1beta/models/gemini:generateContent";
  assert.equal(most("google", gemini, { generationConfig: { maxOutputTokens: 7 } }), 7);
  const both = { generationConfig: { maxOutputTokens: 7 }, generation_config: { max_output_tokens: 9 } };
  assert.equal(most("google", gemini, both), 9);
});

test("a field of another wire, which a server passes over, bounds nothing", () => {
  for (const [provider, path, body] of [
    ["openai-compatible", "/chat/completions", { max_output_tokens: 1 }],
    ["openai-compatible", "/chat/completions", { generationConfig: { maxOutputTokens: 1 } }],
    ["openrouter", "/responses", { max_tokens: 1, max_completion_tokens: 1 }],
    ["anthropic", "/v1/messages", { max_completion_tokens: 1 }],
    ["google", "/v1beta/models/gemini:generateContent", { max_tokens: 1 }],
  ] as const) {
    assert.equal(most(provider, path, body), estimateLimits.assumedOutputTokens, `${provider} ${path}`);
  }
});

test("what a request may put out counts every answer that is made of it", () => {
  assert.equal(most("openai", "/chat/completions", { max_tokens: 7, n: 3 }), 21);
  assert.equal(most("openai", "/completions", { max_tokens: 7, n: 2, best_of: 20 }), 140);
  const gemini = "/v1beta/models/gemini:generateContent";
  for (const body of [
    { generationConfig: { maxOutputTokens: 7, candidate_count: 8 } },
    { generation_config: { max_output_tokens: 7, candidateCount: 8 } },
    { generationConfig: {}, generation_config: { maxOutputTokens: 7, candidate_count: 8 } },
    { generationConfig: { maxOutputTokens: "7", candidateCount: "8" } },
  ])
    assert.equal(most("google", gemini, body), 56, JSON.stringify(body));
});
