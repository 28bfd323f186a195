import assert from "node:assert/strict";
import { test } from "node:test";
import type { EgressProvider } from "../egress.ts";
import { AmbiguousBodyError } from "./model-fields.ts";
import { estimateLimits, readModelRequest } from "./model-request.ts";

const mostOf = (provider: EgressProvider, path: string, body: string | Buffer, type?: string) =>
  readModelRequest(provider, path, { bytes: Buffer.from(body), type }).outputTokens;

const most = (provider: EgressProvider, path: string, body: object) =>
  mostOf(provider, path, JSON.stringify(body));

test("the output of a request is bounded by the field of its own wire format", () => {
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

test("a field of another wire format bounds nothing", () => {
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

test("the output bound counts every answer of a request", () => {
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

test("a request that some server reads differently is refused", () => {
  const plain = '{"max_tokens":50000}';
  const marked = (mark: number[], encoding: "utf8" | "utf16le") =>
    Buffer.concat([Buffer.from(mark), Buffer.from(plain, encoding)]);
  const chat = (body: string | Buffer, type?: string) => () =>
    mostOf("openai-compatible", "/chat/completions", body, type);
  for (const [read, why] of [
    [chat('{"max_tokens":1,"max_tokens":50000}'), /duplicate key/],
    [chat('{"max_tokens":1,"max_token\\u0073":50000}'), /duplicate key/],
    [chat('{"max_tokens":1,"Max_Tokens":50000}'), /read its "Max_Tokens" as max_tokens/],
    [chat('{"MODEL":"gpt-5-enormous"}'), /as model/],
    [chat('{"max_to\u212aens":50000}'), /as max_tokens/],
    [chat('{"max_token\u017f":50000}'), /as max_tokens/],
    [chat('{"max_tokens":"50_000"}'), /its max_tokens is not a number/],
    [chat('{"max_tokens":[50000]}'), /is not a number/],
    [chat('{"n":true}'), /its n is not a number/],
    [chat(`${plain}{"max_tokens":1}`), /not JSON/],
    [chat(`${plain}x`), /not JSON/],
    [chat("{max_tokens:50000}"), /not JSON/],
    [chat('{"max_tokens":50000,}', "text/plain"), /not JSON/],
    [chat("// of a kind\n{}"), /not JSON/],
    [chat("[]"), /not a JSON object/],
    [chat("7"), /not a JSON object/],
    [chat(Buffer.from([...Buffer.from('{"x":"'), 0xff, ...Buffer.from('"}')])), /not valid UTF-8/],
    [chat(marked([0xef, 0xbb, 0xbf], "utf8")), /not JSON/],
    [chat(marked([0xff, 0xfe], "utf16le"), "multipart/form-data; boundary=x"), /not valid UTF-8/],
    [chat(marked([], "utf16le"), "text/plain"), /not JSON/],
    [chat(`{"x":[${"{},".repeat(250_000)}{}]}`), /more than 250000 keys and values/],
    [chat(`{${Array.from({ length: 250_001 }, (_, n) => `"${n}":0`).join()}}`), /more than 250000/],
    [chat(`{"x":${"[".repeat(512)}${"]".repeat(512)}}`), /nested more than 512 deep/],
    [
      () => most("google", "/v1beta/models/gemini:generateContent", { generationconfig: {} }),
      /as generationConfig/,
    ],
    [
      () => most("google", "/models/g:generateContent", { generationConfig: { maxoutputtokens: 50000 } }),
      /as maxOutputTokens/,
    ],
    [
      () => mostOf("google", "/m:generateContent", '{"generationConfig":{},"generationConfig":{}}'),
      /duplicate key/,
    ],
  ] as const) {
    assert.throws(
      read,
      (error) => error instanceof AmbiguousBodyError && why.test(error.message),
      String(why),
    );
  }
});

test("a request that every server reads in the same way is accepted", () => {
  const chat = (body: string, type?: string) => mostOf("openai", "/chat/completions", body, type);
  const assumed = estimateLimits.assumedOutputTokens;
  assert.equal(chat(' {"max_tokens":7}\n'), 7);
  assert.equal(chat('{"max_tokens":"50000"}'), 50_000, "some servers take a text for a number");
  assert.equal(chat('{"max_tokens":1e400}'), 1_000_000_000);
  assert.equal(chat(`{"max_tokens":"${"9".repeat(400)}"}`), 1_000_000_000);
  for (const none of ["null", "0", "-1"]) assert.equal(chat(`{"max_tokens":${none}}`), assumed, none);
  const tools = '{"max_tokens":7,"messages":[{"Model":{"a":1,"A":2,"__proto__":3}},"\\ud83d"]}';
  assert.equal(chat(tools), 7, "what a message holds is nobody's bound");
  assert.equal(chat(`{"max_tokens":7,"x":[${"{},".repeat(249_995)}{}]}`), 7, "as many as there may be");
  assert.equal(chat(""), assumed, "as one that stops a task");
  assert.equal(chat('--x\r\n\r\n{"max_tokens":1}\r\n--x--', "multipart/form-data; boundary=x"), assumed);
  assert.equal(chat("\u0089PNG", "image/png"), assumed);
});
