import assert from "node:assert/strict";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { EgressUpstream, EgressUsage } from "@holdfast/gate";
import { ask, codeOf, key, ok, openProxy } from "./egress-support.ts";
import { eventually, startUpstream } from "./support.ts";

describe("what the proxy brings back", () => {
  test("comes as it is sent, at the pace of the reader", async (t) => {
    const release = Promise.withResolvers<void>();
    const total = 64 * 1024 * 1024;
    let written = 0;
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: first\n\n");
      void release.promise.then(() => {
        const chunk = Buffer.alloc(256 * 1024, 120);
        const more = () => {
          while (written < total) {
            written += chunk.length;
            if (!response.write(chunk)) {
              response.once("drain", more);
              return;
            }
          }
          response.end();
        };
        more();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const address = server.address();
    const { proxy } = await openProxy(t, {
      baseUrl: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest({ socketPath: proxy.socketPath, path: "/model/v1/models", agent: false }, resolve)
        .on("error", reject)
        .end();
    });
    const first = await new Promise<string>((resolve) =>
      response.once("data", (chunk) => resolve(String(chunk))),
    );
    assert.equal(first, "data: first\n\n");
    response.pause();
    release.resolve();
    let last = -1;
    await eventually("the upstream stands still", () => {
      const still = written > 0 && written === last;
      last = written;
      return still;
    });
    assert.ok(
      written < total / 2,
      `${written} bytes were taken from the upstream for a reader that does not read`,
    );
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    assert.equal(received, total);
  });

  test("never carries the key, in a field or a body, whole, cut or encoded", async (t) => {
    const encoded = Buffer.from(`xx${key}yy`).toString("base64");
    const upstream = await startUpstream(t, () => ({
      headers: {
        "content-type": "text/plain",
        "x-echo": `was ${key}`,
        "set-cookie": "a=b",
        [`x-${key}`]: "1",
      },
      chunks: [
        `a ${key.slice(0, 9)}`,
        `${key.slice(9)} b ${Buffer.from(key).toString("hex")} `,
        encoded,
        ` ${key.slice(0, 12)}`,
      ],
    }));
    const { proxy } = await openProxy(t, { baseUrl: upstream.url });
    const reply = await ask(proxy, "GET", "/model/v1/models");
    assert.equal(reply.headers["x-echo"], "was [redacted]");
    assert.equal(reply.headers["set-cookie"], undefined);
    assert.ok(!Object.keys(reply.headers).some((name) => name.includes(key)));
    assert.match(reply.body, /^a \[redacted\] b \[redacted\] .*\[redacted\].* sk-ant-canar$/);
  });

  test("is no redirect to elsewhere, no compressed body and no silence", async (t) => {
    const elsewhere = await startUpstream(t, ok);
    const locations = [`${elsewhere.url}/v1/models`, "//evil.example/", "http://[::1]/", "/outside"];
    for (const location of locations) {
      const upstream = await startUpstream(t, () => ({ status: 307, headers: { location }, chunks: [] }));
      const { proxy } = await openProxy(t, { baseUrl: `${upstream.url}/base` });
      const reply = await ask(proxy, "GET", "/model/v1/models");
      assert.deepEqual([location, reply.status, codeOf(reply)], [location, 502, "redirect_refused"]);
    }
    assert.deepEqual(elsewhere.requests, []);
    const within = await startUpstream(t, () => ({
      status: 307,
      headers: { location: "/base/v1/models?page=2" },
      chunks: [],
    }));
    const inside = await openProxy(t, { baseUrl: `${within.url}/base` });
    assert.equal(
      (await ask(inside.proxy, "GET", "/model/v1/models")).headers.location,
      "/model/v1/models?page=2",
    );
    const packed = await startUpstream(t, () => ({
      headers: { "content-encoding": "gzip" },
      chunks: [gzipSync(key)],
    }));
    const gzip = await openProxy(t, { baseUrl: packed.url });
    assert.equal(codeOf(await ask(gzip.proxy, "GET", "/model/v1/models")), "encoded_answer");
    const dead = await openProxy(t, { baseUrl: "http://127.0.0.1:1" });
    const reply = await ask(dead.proxy, "GET", "/model/v1/models");
    assert.deepEqual([reply.status, codeOf(reply)], [502, "upstream_unreachable"]);
  });
});

describe("token usage", () => {
  const sse = (...events: object[]) =>
    events.map((each) => `event: x\r\ndata: ${JSON.stringify(each)}\r\n\r\n`).join("");
  const events = "text/event-stream; charset=utf-8";
  const cases: readonly [string, Partial<EgressUpstream>, string, string, Partial<EgressUsage>][] = [
    [
      "anthropic JSON",
      { provider: "anthropic" },
      "application/json",
      JSON.stringify({
        model: "claude-x",
        usage: {
          input_tokens: 10,
          output_tokens: 5,
          cache_read_input_tokens: 7,
          cache_creation_input_tokens: 2,
        },
      }),
      { model: "claude-x", inputTokens: 19, outputTokens: 5, cacheReadTokens: 7, cacheWriteTokens: 2 },
    ],
    [
      "anthropic stream",
      { provider: "anthropic" },
      events,
      sse(
        {
          type: "message_start",
          message: { model: "claude-x", usage: { input_tokens: 10, output_tokens: 1 } },
        },
        { type: "content_block_delta", delta: { text: "hi" } },
        { type: "message_delta", usage: { output_tokens: 42 } },
      ),
      { model: "claude-x", inputTokens: 10, outputTokens: 42 },
    ],
    [
      "openai chat JSON",
      { provider: "openai" },
      "application/json",
      JSON.stringify({
        model: "gpt-x",
        usage: { prompt_tokens: 3, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 2 } },
      }),
      { model: "gpt-x", inputTokens: 3, outputTokens: 4, cacheReadTokens: 2 },
    ],
    [
      "openai chat stream",
      { provider: "openai-compatible" },
      events,
      `${sse({ model: "gpt-x", choices: [{}] }, { model: "gpt-x", choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } })}data: [DONE]\n\n`,
      { model: "gpt-x", inputTokens: 3, outputTokens: 4 },
    ],
    [
      "openai responses stream",
      { provider: "openai" },
      events,
      sse(
        { type: "response.created", response: { model: "gpt-x" } },
        {
          type: "response.completed",
          response: { model: "gpt-x", usage: { input_tokens: 8, output_tokens: 9 } },
        },
      ),
      { model: "gpt-x", inputTokens: 8, outputTokens: 9 },
    ],
    [
      "gemini JSON",
      { provider: "google" },
      "application/json; charset=UTF-8",
      JSON.stringify({
        modelVersion: "gemini-x",
        usageMetadata: {
          promptTokenCount: 10,
          candidatesTokenCount: 3,
          thoughtsTokenCount: 4,
          cachedContentTokenCount: 2,
          totalTokenCount: 17,
        },
      }),
      { model: "gemini-x", inputTokens: 10, outputTokens: 7, cacheReadTokens: 2 },
    ],
    [
      "gemini stream",
      { provider: "google" },
      events,
      sse(
        { modelVersion: "gemini-x", usageMetadata: { promptTokenCount: 10 } },
        { modelVersion: "gemini-x", usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 30 } },
      ),
      { model: "gemini-x", inputTokens: 10, outputTokens: 30 },
    ],
    [
      "gemini array",
      { provider: "google" },
      "application/json",
      JSON.stringify([
        { modelVersion: "gemini-x", usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 1 } },
        { modelVersion: "gemini-x", usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 31 } },
      ]),
      { model: "gemini-x", inputTokens: 10, outputTokens: 31 },
    ],
  ];
  for (const [name, part, type, body, expected] of cases) {
    test(`is read from ${name}, however it is cut`, async (t) => {
      const chunks = [body.slice(0, 7), body.slice(7, 50), body.slice(50)];
      const upstream = await startUpstream(t, () => ({ headers: { "content-type": type }, chunks }));
      const { proxy, usage } = await openProxy(t, { baseUrl: upstream.url, ...part });
      assert.equal((await ask(proxy, "GET", "/model/v1/models")).body, body);
      await eventually("usage is told", () => usage.length === 1);
      const told = {
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        session: "session",
        jailId: "jail",
        upstream: "model",
        costMicros: usage[0]?.costMicros,
        // No price is known for these models.
        estimated: true,
        isPriced: false,
        ...expected,
      };
      assert.deepEqual({ ...usage[0], at: 0 }, { ...told, at: 0 });
    });
  }

  test("is not made up where the answer has none", async (t) => {
    const upstream = await startUpstream(t, () => ({
      headers: { "content-type": "application/json" },
      chunks: ['{"usage":{"input_tokens":-1}}'],
    }));
    const { proxy, usage, audit } = await openProxy(t, { baseUrl: upstream.url });
    await ask(proxy, "GET", "/model/v1/models");
    const records = await audit.query({ type: "egress.request" });
    assert.equal(records.length, 1);
    assert.deepEqual(usage, []);
  });
});
