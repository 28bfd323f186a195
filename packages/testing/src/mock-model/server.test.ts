import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type MockModel, type ScriptStep, scriptPrompt, startMockModel } from "./index.ts";

const keys = { anthropic: "sk-ant-real", openai: "sk-real", google: "AIza-real" };

async function withModel(run: (model: MockModel) => Promise<void>): Promise<void> {
  const model = await startMockModel({ apiKeys: keys });
  try {
    await run(model);
  } finally {
    await model.close();
  }
}

/** Parses every event of an event stream; "[DONE]" stays text. */
async function events(response: Response): Promise<readonly Record<string, unknown>[]> {
  const frames = (await response.text()).split("\n\n").filter((frame) => frame !== "");
  return frames.flatMap((frame) => {
    const data = /^data: (.*)$/m.exec(frame)?.[1];
    return data === undefined || data === "[DONE]" ? [] : [JSON.parse(data)];
  });
}

function anthropic(model: MockModel, steps: readonly ScriptStep[], stream = true): Promise<Response> {
  const messages = [{ role: "user", content: [{ type: "text", text: scriptPrompt(steps) }] }];
  const tools = [{ name: "Write", input_schema: { type: "object", properties: { file_path: {} } } }];
  return fetch(`${model.url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": keys.anthropic, "anthropic-version": "2023-06-01" },
    body: JSON.stringify({ model: "claude-x", max_tokens: 10, stream, messages, tools }),
  });
}

function responses(model: MockModel, steps: readonly ScriptStep[]): Promise<Response> {
  const input = [
    { type: "message", role: "user", content: [{ type: "input_text", text: scriptPrompt(steps) }] },
  ];
  const tools = [{ type: "custom", name: "apply_patch" }];
  return fetch(`${model.url}/v1/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${keys.openai}` },
    body: JSON.stringify({ model: "gpt-x", stream: true, input, tools }),
  });
}

function chat(model: MockModel, steps: readonly ScriptStep[], stream: boolean): Promise<Response> {
  const tools = [{ type: "function", function: { name: "bash", parameters: {} } }];
  return fetch(`${model.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${keys.openai}` },
    body: JSON.stringify({
      model: "gpt-x",
      stream,
      messages: [{ role: "user", content: scriptPrompt(steps) }],
      tools,
    }),
  });
}

function gemini(model: MockModel, steps: readonly ScriptStep[], method: string): Promise<Response> {
  const functionDeclarations = [
    { name: "write_file", parametersJsonSchema: { type: "object", properties: { file_path: {} } } },
  ];
  return fetch(`${model.url}/v1beta/models/gemini-x:${method}`, {
    method: "POST",
    headers: { "x-goog-api-key": keys.google },
    body: JSON.stringify({
      systemInstruction: { parts: [{ text: "You are currently working in the directory: /w" }] },
      contents: [{ role: "user", parts: [{ text: scriptPrompt(steps) }] }],
      tools: [{ functionDeclarations }],
    }),
  });
}

describe("Anthropic Messages", () => {
  test("streams thinking, text and a tool call", () =>
    withModel(async (model) => {
      const edit = { path: "/w/a", content: "x" };
      const all = await events(await anthropic(model, [{ think: "t" }, { say: "hello" }, { edit }]));
      const types = all.map((event) => event["type"]);
      assert.equal(types[0], "message_start");
      assert.equal(types.at(-1), "message_stop");
      assert.equal(types.filter((type) => type === "content_block_start").length, 3);
      assert.equal(types.filter((type) => type === "content_block_stop").length, 3);
      assert.deepEqual(all.at(-2)?.["delta"], { stop_reason: "tool_use", stop_sequence: null });
      const input = all.find((event) => JSON.stringify(event["delta"])?.includes("input_json_delta"));
      assert.match(JSON.stringify(input), /file_path/);
    }));

  test("answers without streaming, counts tokens and lists models", () =>
    withModel(async (model) => {
      const body = JSON.parse(await (await anthropic(model, [{ say: "hello" }], false)).text());
      assert.deepEqual(body.content, [{ type: "text", text: "hello" }]);
      assert.equal(body.stop_reason, "end_turn");
      assert.ok(body.usage.input_tokens > 0);
      const headers = { "x-api-key": keys.anthropic, "anthropic-version": "2023-06-01" };
      const counted = await fetch(`${model.url}/v1/messages/count_tokens`, {
        method: "POST",
        headers,
        body: "{}",
      });
      assert.deepEqual(await counted.json(), { input_tokens: 1 });
      const listed = await fetch(`${model.url}/v1/models`, { headers });
      assert.equal(JSON.parse(await listed.text()).data[0].type, "model");
    }));
});

describe("OpenAI Responses", () => {
  test("streams text and a custom tool call with usage at the end", () =>
    withModel(async (model) => {
      const edit = { path: "a", content: "x" };
      const all = await events(await responses(model, [{ think: "t" }, { say: "hello" }, { edit }]));
      const last = JSON.parse(JSON.stringify(all.at(-1)));
      assert.equal(last.type, "response.completed");
      assert.deepEqual(
        last.response.output.map((item: { type: string }) => item.type),
        ["reasoning", "message", "custom_tool_call"],
      );
      assert.match(last.response.output[2].input, /\*\*\* Add File: a\n\+x/);
      assert.ok(last.response.usage.output_tokens > 0);
      assert.deepEqual(
        all.map((event) => event["sequence_number"]),
        all.map((_, index) => index),
      );
    }));
});

describe("OpenAI chat completions", () => {
  test("answers with and without streaming", () =>
    withModel(async (model) => {
      const all = await events(await chat(model, [{ say: "hello" }, { run: "ls" }], true));
      const text = JSON.parse(JSON.stringify(all)).map(
        (event: { choices: { delta: { content?: string } }[] }) => event.choices[0]?.delta.content ?? "",
      );
      assert.equal(text.join(""), "hello");
      assert.match(JSON.stringify(all), /"finish_reason":"tool_calls"/);
      const whole = JSON.parse(await (await chat(model, [{ say: "hello" }], false)).text());
      assert.equal(whole.choices[0].message.content, "hello");
    }));
});

describe("Gemini generateContent", () => {
  const steps: readonly ScriptStep[] = [
    { think: "t" },
    { say: "hello" },
    { edit: { path: "a", content: "x" } },
  ];

  test("streams a thought, text and a call, with usage in each part", () =>
    withModel(async (model) => {
      const answers = await events(await gemini(model, steps, "streamGenerateContent?alt=sse"));
      const all = JSON.parse(JSON.stringify(answers));
      const parts = all.flatMap((answer: GeminiAnswer) => answer.candidates[0]?.content.parts ?? []);
      const said = parts.filter((part: GeminiPart) => part.thought !== true);
      assert.equal(said.map((part: GeminiPart) => part.text ?? "").join(""), "hello");
      const [call] = parts.flatMap((part: GeminiPart) => part.functionCall ?? []);
      assert.equal(call.name, "write_file");
      assert.deepEqual(call.args, { file_path: "/w/a", content: "x" });
      assert.ok(all.every((answer: GeminiAnswer) => answer.usageMetadata.totalTokenCount > 0));
      assert.equal(all.at(-1).candidates[0].finishReason, "STOP");
      assert.equal(model.requests.at(-1)?.model, "gemini-x");
    }));

  test("answers without streaming, counts tokens, lists models, and continues after a tool result", () =>
    withModel(async (model) => {
      const whole = JSON.parse(await (await gemini(model, steps, "generateContent")).text());
      const { parts } = whole.candidates[0].content;
      assert.deepEqual(parts.slice(0, 2), [{ text: "t", thought: true }, { text: "hello" }]);
      const counted = await gemini(model, steps, "countTokens");
      assert.ok(JSON.parse(await counted.text()).totalTokens > 0);
      const headers = { "x-goog-api-key": keys.google };
      const listed = await fetch(`${model.url}/v1beta/models`, { headers });
      assert.match(await listed.text(), /models\/gemini-mock/);
      const contents = [
        { role: "user", parts: [{ text: scriptPrompt([...steps, { say: "after" }]) }] },
        { role: "model", parts: parts.slice(2) },
        { role: "user", parts: [{ functionResponse: { name: "write_file", response: { output: "ok" } } }] },
      ];
      const tools = [{ functionDeclarations: [{ name: "write_file" }] }];
      const path = "/v1beta/models/gemini-x:generateContent";
      const body = JSON.stringify({ contents, tools });
      const next = await fetch(`${model.url}${path}`, { method: "POST", headers, body });
      const answer = JSON.parse(await next.text());
      assert.deepEqual(answer.candidates[0].content.parts, [{ text: "after" }]);
    }));

  test("fills the schema of a structured output, and uses Google's error names", () =>
    withModel(async (model) => {
      const path = `${model.url}/v1beta/models/gemini-x:generateContent`;
      const generationConfig = {
        responseMimeType: "application/json",
        responseJsonSchema: { type: "object", properties: { reasoning: {} } },
      };
      const contents = [{ role: "user", parts: [{ text: scriptPrompt([{ say: "no" }]) }] }];
      const body = JSON.stringify({ contents, generationConfig });
      const ask = (key: string) =>
        fetch(path, { method: "POST", headers: { "x-goog-api-key": key }, body }).then((it) => it.text());
      const { candidates } = JSON.parse(await ask(keys.google));
      assert.deepEqual(JSON.parse(candidates[0].content.parts[0].text), { reasoning: "Mock title" });
      assert.equal(JSON.parse(await ask("placeholder")).error.status, "UNAUTHENTICATED");
    }));
});

interface GeminiPart {
  readonly text?: string;
  readonly thought?: boolean;
  readonly functionCall?: { readonly name: string; readonly args: unknown };
}

interface GeminiAnswer {
  readonly candidates: readonly { readonly content: { readonly parts: readonly GeminiPart[] } }[];
  readonly usageMetadata: { readonly totalTokenCount: number };
}

describe("faults", () => {
  test("refuses a missing and a wrong key, and records which it was", () =>
    withModel(async (model) => {
      for (const [headers, key] of [
        [{}, "missing"],
        [{ "x-api-key": "placeholder" }, "wrong"],
        [{ "x-api-key": keys.anthropic, authorization: "Bearer placeholder" }, "wrong"],
      ] as const) {
        const answer = await fetch(`${model.url}/v1/messages`, { method: "POST", headers, body: "{}" });
        assert.equal(answer.status, 401);
        assert.equal(JSON.parse(await answer.text()).error.type, "authentication_error");
        assert.equal(model.requests.at(-1)?.key, key);
      }
    }));

  test("fails as often as the script says", () =>
    withModel(async (model) => {
      const steps: readonly ScriptStep[] = [{ fail: { status: 429, times: 2 } }, { say: "ok" }];
      const statuses: number[] = [];
      for (let i = 0; i < 3; i += 1) {
        const answer = await anthropic(model, steps);
        statuses.push(answer.status);
        await answer.text();
      }
      assert.deepEqual(statuses, [429, 429, 200]);
    }));

  test("aborts a stream in the middle", () =>
    withModel(async (model) => {
      const answer = await responses(model, [{ say: "hello" }, { cut: {} }]);
      await assert.rejects(answer.text());
    }));

  test("holds a stream until it is released or its client disconnects", () =>
    withModel(async (model) => {
      const steps: readonly ScriptStep[] = [{ hold: "gate" }, { say: "after" }];
      const answer = await anthropic(model, steps);
      await model.held("gate");
      model.release("gate");
      assert.match(await answer.text(), /message_stop/);
      // A released hold stays open.
      assert.match(await (await anthropic(model, steps)).text(), /message_stop/);
      const abort = new AbortController();
      const other = scriptPrompt([{ hold: "other" }]);
      const left = fetch(`${model.url}/v1/messages`, {
        method: "POST",
        headers: { "x-api-key": keys.anthropic },
        body: JSON.stringify({ stream: true, messages: [{ role: "user", content: other }] }),
        signal: abort.signal,
      });
      await model.held("other");
      abort.abort();
      await assert.rejects(left.then((response) => response.text()));
    }));

  test("answers unknown routes and bodies that are not JSON with errors", () =>
    withModel(async (model) => {
      assert.equal((await fetch(`${model.url}/v2/nothing`)).status, 404);
      const headers = { authorization: `Bearer ${keys.openai}` };
      const answer = await fetch(`${model.url}/v1/responses`, { method: "POST", headers, body: "{" });
      assert.equal(answer.status, 400);
    }));
});

test("runs as a command and never prints a key", async () => {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, "--anthropic-key", keys.anthropic], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { url } = JSON.parse(String((await lines.next()).value));
    const answer = await fetch(`${url}/v1/models`, {
      headers: { "x-api-key": keys.anthropic, "anthropic-version": "2023-06-01" },
    });
    assert.equal(answer.status, 200);
    const line = String((await lines.next()).value);
    assert.equal(JSON.parse(line).key, "accepted");
    assert.ok(!line.includes(keys.anthropic));
  } finally {
    child.kill();
    await once(child, "exit");
  }
});
