import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { describe, test } from "node:test";
import { field, type Sandbox, startSandbox, until, withScript } from "./harness.ts";
import { scriptedAgents } from "./scripted-agent.ts";

const json = { "content-type": "application/json" };

/** Posts a message like the published client. */
async function post(sandbox: Sandbox, path: string, body: unknown, headers: Record<string, string> = json) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await sandbox.fetch(`${sandbox.url}/v1/acp/${path}`, {
    method: "POST",
    headers,
    body: text,
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const initialize = { jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: 1 } };

/** Returns the first raw frames of a stream. `onOpen` is called once the stream is open. */
async function frames(
  sandbox: Sandbox,
  path: string,
  count: number,
  headers: Record<string, string> = {},
  onOpen = () => {},
) {
  const stop = new AbortController();
  const response = await sandbox.fetch(`${sandbox.url}/v1/acp/${path}`, { headers, signal: stop.signal });
  assert.equal(response.status, 200, await (response.ok ? "" : response.text()));
  onOpen();
  const found: string[] = [];
  let text = "";
  assert.ok(response.body);
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let cut = text.indexOf("\n\n"); cut !== -1 && found.length < count; cut = text.indexOf("\n\n")) {
      found.push(text.slice(0, cut));
      text = text.slice(cut + 2);
    }
    if (found.length >= count) break;
  }
  stop.abort();
  return { found, response };
}

/** Resolves when a server in this process has received a GET request of that path and run its synchronous part. */
function received(path: string): Promise<void> {
  return new Promise((resolve) => {
    const requests = channel("http.server.request.start");
    const listener = (message: unknown) => {
      if (field(message, "request", "method") !== "GET" || field(message, "request", "url") !== path) return;
      requests.unsubscribe(listener);
      setImmediate(resolve);
    };
    requests.subscribe(listener);
  });
}

const idsOf = (found: readonly string[]) => found.map((frame) => Number(/^id: (\d+)$/m.exec(frame)?.[1]));

/**
 * Agent that echoes every request in its answer and in a notification. `junk` prints invalid JSON, `fail` returns an
 * error.
 */
const echo = `
import { createInterface } from "node:readline";
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  send({ method: "mock/echo", params: { got: message } });
  if (message.method === "junk") process.stdout.write("no JSON\\n");
  if (message.method === "ask") send({ id: "q", method: "mock/request", params: {} });
  if (message.method === "deep") {
    process.stderr.write("deep\\n");
    await new Promise((resolve) => setTimeout(resolve, 100));
    const data = '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000);
    process.stdout.write('{"jsonrpc":"2.0","id":' + message.id + ',"error":{"data":' + data + "}}\\n");
  }
  if (message.method === "fail") {
    await new Promise((resolve) => process.stderr.write("a\\nb\\n", resolve));
    await new Promise((resolve) => setTimeout(resolve, 100));
    send({ id: message.id, error: { code: -32000, message: "failed" } });
  } else if (message.method === "never") continue;
  else if (message.id !== undefined && message.method) send({ id: message.id, result: { echoed: message } });
}
`;

async function withEcho(t: Parameters<typeof startSandbox>[0], limits = {}) {
  const sandbox = await startSandbox(t, "unix", { agents: await withScript(t, "echo", echo), limits });
  return sandbox;
}

describe("ACP over HTTP, as used by the published client", () => {
  test("requests without an instance get the peer's statuses and create nothing", async (t) => {
    const sandbox = await withEcho(t);
    const cases: readonly (readonly [number, string, string, Record<string, string>, RegExp])[] = [
      [415, "x?agent=echo", "{}", {}, /unsupported_media_type/],
      [415, "x?agent=echo", "{}", { "content-type": "text/plain" }, /unsupported_media_type/],
      [406, "x?agent=echo", "{}", { ...json, accept: "text/event-stream" }, /not_acceptable/],
      [400, "x?agent=echo", "[1]", json, /request body must be a JSON-RPC object/],
      [400, "x?agent=echo", '"text"', json, /request body must be a JSON-RPC object/],
      [400, "x?agent=echo", '{"half":', json, /invalid JSON body: /],
      [400, "x", JSON.stringify(initialize), json, /urn:sandbox-agent:error:invalid_request/],
      [400, "x?agent=nobody", JSON.stringify(initialize), json, /urn:sandbox-agent:error:unsupported_agent/],
    ];
    for (const [status, path, body, headers, text] of cases) {
      const answer = await post(sandbox, path, body, headers);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.match(answer.text, text);
    }
    assert.deepEqual(await sandbox.client.listAcpServers(), []);
    const missing = await sandbox.fetch(`${sandbox.url}/v1/acp/x`);
    assert.equal(missing.status, 404);
    assert.equal(field(await missing.json(), "sessionId"), "x");
    const unacceptable = await sandbox.fetch(`${sandbox.url}/v1/acp/x`, { headers: { accept: "text/html" } });
    assert.equal(unacceptable.status, 406);
    const cursor = await sandbox.fetch(`${sandbox.url}/v1/acp/x`, { headers: { "last-event-id": "-1" } });
    assert.equal(cursor.status, 400);
  });

  test("requests are answered with 200, other messages with 202, and ids are returned unchanged", async (t) => {
    const sandbox = await withEcho(t);
    assert.equal((await post(sandbox, "x?agent=echo", initialize)).status, 200);
    for (const id of ['"text"', "null", "0", "9007199254740993", "-7"]) {
      const { status, text } = await post(sandbox, "x", `{"jsonrpc":"2.0","id":${id},"method":"m"}`);
      assert.equal(status, 200);
      assert.ok(text.includes(`"id":${id},"result"`), text);
    }
    assert.equal((await post(sandbox, "x", { jsonrpc: "2.0", method: "note" })).status, 202);
    assert.equal((await post(sandbox, "x", { id: 5, result: {} })).status, 202);
    assert.equal((await post(sandbox, "x", { anything: true })).status, 202, "jsonrpc is not checked");
    const wrong = await post(sandbox, "x", { jsonrpc: "2.0", id: 6, method: 7 });
    assert.equal(wrong.status, 200, "a method that is no text is the agent's to refuse");
    assert.match(wrong.text, /"id":6,"result"/);
    assert.equal((await post(sandbox, "x", { jsonrpc: "2.0", method: 7 })).status, 202);
    const empty = await post(sandbox, "x", { jsonrpc: "2.0", method: "note" });
    assert.equal(empty.text, "");
    assert.equal(
      (await post(sandbox, "x?agent=echo", { method: "note" })).status,
      202,
      "the agent may be repeated",
    );
    const other = await post(sandbox, "x?agent=demo", { method: "note" });
    assert.equal(other.status, 409);
    assert.match(other.text, /urn:sandbox-agent:error:conflict/);
    const [server] = await sandbox.client.listAcpServers();
    assert.deepEqual([server?.serverId, server?.agent], ["x", "echo"]);
  });

  test("instance ids may be any text, and the list is sorted by id", async (t) => {
    const sandbox = await withEcho(t);
    const names = ["z", "a b", "a/b", "ä", "session-x"];
    for (const name of names) {
      assert.equal((await post(sandbox, `${encodeURIComponent(name)}?agent=echo`, initialize)).status, 200);
    }
    const listed = (await sandbox.client.listAcpServers()).map((server) => server.serverId);
    assert.deepEqual(listed, [...names].sort());
  });

  test("concurrent first requests create one instance", async (t) => {
    const sandbox = await withEcho(t);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, id) => post(sandbox, "x?agent=echo", { ...initialize, id })),
    );
    assert.deepEqual(
      answers.map((answer) => [answer.status, JSON.parse(answer.text).id]),
      answers.map((_, id) => [200, id]),
    );
    assert.equal((await sandbox.client.listAcpServers()).length, 1);
  });

  test("a stream has message events with numeric ids, includes responses and replays", async (t) => {
    const sandbox = await withEcho(t);
    // The stream is requested before its instance exists, and waits for the request that creates it.
    const waits = received("/v1/acp/x");
    const early = frames(sandbox, "x", 4);
    await waits;
    await post(sandbox, "x?agent=echo", initialize);
    await post(sandbox, "x", { jsonrpc: "2.0", id: "two", method: "junk" });
    const { found, response } = await early;
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    assert.equal(response.headers.get("cache-control"), "no-cache");
    assert.deepEqual(idsOf(found), [1, 2, 3, 4]);
    for (const frame of found) assert.match(frame, /^event: message\nid: \d+\ndata: \{.*\}$/);
    assert.match(found[1] ?? "", /"id":1,"result"/);
    assert.match(
      found[3] ?? "",
      /"method":"_adapter\/invalid_stdout","params":\{"error":".*","raw":"no JSON"\}/,
    );
    assert.deepEqual((await frames(sandbox, "x", 5)).found.slice(0, 4), found, "all that is kept, again");
    assert.deepEqual(idsOf((await frames(sandbox, "x", 2, { "last-event-id": "3" })).found), [4, 5]);
    const opened = Promise.withResolvers<void>();
    const future = frames(sandbox, "x", 1, { "last-event-id": "4000" }, opened.resolve);
    await opened.promise;
    await post(sandbox, "x", { jsonrpc: "2.0", method: "note" });
    assert.deepEqual(idsOf((await future).found), [6]);
  });

  test("a stream sends comments as heartbeats", async (t) => {
    const sandbox = await withEcho(t, { heartbeatMs: 30 });
    await post(sandbox, "x?agent=echo", { jsonrpc: "2.0", method: "note" });
    const { found } = await frames(sandbox, "x", 3);
    assert.ok(found.filter((frame) => frame === ": heartbeat").length >= 2);
  });

  test("errors contain the end of the agent's stderr, in the response and in the stream", async (t) => {
    const sandbox = await withEcho(t);
    await post(sandbox, "x?agent=echo", initialize);
    const failed = JSON.parse((await post(sandbox, "x", { jsonrpc: "2.0", id: 2, method: "fail" })).text);
    assert.equal(failed.error.data.agentStderr, "a\nb");
    const { found } = await frames(sandbox, "x", 4);
    assert.match(found[3] ?? "", /"agentStderr":"a\\nb"/);
  });

  test("a deeply nested message is dropped or rejected, and the server continues", async (t) => {
    const sandbox = await withEcho(t);
    const asked = await post(sandbox, "x?agent=echo", { jsonrpc: "2.0", id: 1, method: "deep" });
    assert.equal(JSON.parse(asked.text).result.echoed.method, "deep", "what it says next is its answer");
    const { found } = await frames(sandbox, "x", 3);
    assert.match(found[1] ?? "", /_adapter\/invalid_stdout.*nested deeper than/);
    const deep = `{"jsonrpc":"2.0","id":2,"method":"m","params":${"[".repeat(10_000)}${"]".repeat(10_000)}}`;
    assert.equal((await post(sandbox, "x", deep)).status, 400);
    await sandbox.client.health();
  });

  test("a message of 5 MB reaches the agent and is returned", async (t) => {
    const sandbox = await withEcho(t);
    const text = "x".repeat(5_000_000);
    const answer = await post(sandbox, "x?agent=echo", {
      jsonrpc: "2.0",
      id: 1,
      method: "m",
      params: { text },
    });
    assert.equal(JSON.parse(answer.text).result.echoed.params.text.length, text.length);
  });

  test("line and paragraph separators reach agents that read lines as Node does", async (t) => {
    const text = "one\u2028two\u2029three";
    const ask = { jsonrpc: "2.0", id: 1, method: "m", params: { text } };
    for (const body of [JSON.stringify(ask), JSON.stringify(ask, null, 2)]) {
      const answer = await post(await withEcho(t), "x?agent=echo", body);
      assert.equal(JSON.parse(answer.text).result.echoed.params.text, text);
    }
  });

  test("a Last-Event-ID beyond the last event gets new events only", async (t) => {
    const sandbox = await withEcho(t);
    await post(sandbox, "x?agent=echo", initialize);
    const accept = "text/event-stream";
    for (const [id, status] of [
      ["18446744073709551615", 200],
      ["18446744073709551616", 400],
      ["123456789012345678901", 400],
      ["-1", 400],
    ] as const) {
      const stop = new AbortController();
      const headers = { accept, "last-event-id": id };
      const response = await sandbox.fetch(`${sandbox.url}/v1/acp/x`, { headers, signal: stop.signal });
      assert.equal(response.status, status, id);
      stop.abort();
    }
  });

  test("a body at the limit is accepted, and one byte more is rejected", async (t) => {
    const sandbox = await withEcho(t, { maxJsonBytes: 1_000 });
    const body = (bytes: number) => {
      const empty = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "m", params: "" });
      return JSON.stringify({ jsonrpc: "2.0", id: 1, method: "m", params: "x".repeat(bytes - empty.length) });
    };
    for (const bytes of [999, 1_000])
      assert.equal((await post(sandbox, "x?agent=echo", body(bytes))).status, 200);
    assert.equal((await post(sandbox, "x", body(1_001))).status, 413);
  });

  test("of two answers to one request the agent gets the first", async (t) => {
    const sandbox = await withEcho(t);
    await post(sandbox, "x?agent=echo", initialize);
    await post(sandbox, "x", { jsonrpc: "2.0", id: 2, method: "ask" });
    for (const result of ["first", "second"]) {
      assert.equal((await post(sandbox, "x", { jsonrpc: "2.0", id: "q", result })).status, 202);
    }
    await post(sandbox, "x", { jsonrpc: "2.0", id: 3, method: "m" });
    const { found } = await frames(sandbox, "x", 8);
    const text = found.join("\n");
    assert.match(text, /"result":"first"/);
    assert.doesNotMatch(text, /"result":"second"/);
  });

  test("delete is fast and idempotent, settles pending requests and ends the streams", async (t) => {
    const sandbox = await withEcho(t);
    await post(sandbox, "x?agent=echo", initialize);
    const stream = await sandbox.fetch(`${sandbox.url}/v1/acp/x`);
    const open = post(sandbox, "x", { jsonrpc: "2.0", id: 9, method: "never" });
    await until("it is with the agent", async () => (await frames(sandbox, "x", 3)).found.length === 3);
    const remove = () => sandbox.fetch(`${sandbox.url}/v1/acp/x`, { method: "DELETE" });
    const statuses = await Promise.all([remove(), remove(), remove()]);
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [204, 204, 204],
    );
    const answer = await open;
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(answer.text).error.data.reason, "agent_process_exited");
    assert.match(await stream.text(), /_adapter\/agent_exited/);
    assert.equal((await remove()).status, 204);
    assert.equal((await post(sandbox, "x?agent=echo", initialize)).status, 200, "the id is free again");
  });

  test("a client that disconnects during a stream or request does not affect others", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const sandbox = await startSandbox(t, "unix", { agents });
    await post(sandbox, "x?agent=plain", initialize);
    const opened = JSON.parse(
      (
        await post(sandbox, "x", {
          jsonrpc: "2.0",
          id: 2,
          method: "session/new",
          params: { cwd: sandbox.work },
        })
      ).text,
    );
    const { sessionId } = opened.result;
    const prompt = { sessionId, prompt: [{ type: "text", text: "ask 1" }] };
    const stop = new AbortController();
    const gone = sandbox
      .fetch(`${sandbox.url}/v1/acp/x`, {
        method: "POST",
        headers: json,
        body: JSON.stringify({ jsonrpc: "2.0", id: 3, method: "session/prompt", params: prompt }),
        signal: stop.signal,
      })
      .then((response) => response.text());
    const streams = await Promise.all(Array.from({ length: 5 }, () => frames(sandbox, "x", 4)));
    assert.ok(streams.every(({ found }) => /request_permission/.test(found[3] ?? "")));
    stop.abort();
    await assert.rejects(gone);
    const result = { outcome: { outcome: "selected", optionId: "yes" } };
    await post(sandbox, "x", { jsonrpc: "2.0", id: "q2", result });
    const { found } = await frames(sandbox, "x", 5);
    assert.match(found[4] ?? "", /"id":3,"result":\{"stopReason":"end_turn"/, "the answer is in the stream");
  });

  test("an idle instance is ended, and one with a stream is not", async (t) => {
    const sandbox = await withEcho(t, { idleInstanceMs: 1_000 });
    await post(sandbox, "left?agent=echo", initialize);
    await post(sandbox, "watched?agent=echo", initialize);
    const stop = new AbortController();
    t.after(() => stop.abort());
    await sandbox.fetch(`${sandbox.url}/v1/acp/watched`, { signal: stop.signal });
    const names = async () => (await sandbox.client.listAcpServers()).map((server) => server.serverId);
    await until("the other is gone", async () => !(await names()).includes("left"));
    assert.deepEqual(await names(), ["watched"]);
  });

  test("an instance beyond the limit is rejected", async (t) => {
    const sandbox = await withEcho(t, { maxAgentInstances: 2 });
    for (const name of ["a", "b"])
      assert.equal((await post(sandbox, `${name}?agent=echo`, initialize)).status, 200);
    assert.equal((await post(sandbox, "c?agent=echo", initialize)).status, 409);
    await sandbox.fetch(`${sandbox.url}/v1/acp/a`, { method: "DELETE" });
    assert.equal((await post(sandbox, "c?agent=echo", initialize)).status, 200);
  });

  test("an agent that crashes during recovery is initialized again in its next process", async (t) => {
    const script = `
import { createInterface } from "node:readline";
import { appendFileSync, readFileSync } from "node:fs";
appendFileSync(process.env.HOME + "/lives", "x");
const life = readFileSync(process.env.HOME + "/lives", "utf8").length;
let initialized = false;
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method } = JSON.parse(line);
  if (life === 2) process.stderr.write("no luck\\n", () => process.exit(3));
  else if (method === "die") process.exit(7);
  else {
    initialized ||= method === "initialize";
    console.log(JSON.stringify({ jsonrpc: "2.0", id, result: { life, initialized } }));
  }
}`;
    const sandbox = await startSandbox(t, "unix", { agents: await withScript(t, "weak", script) });
    await post(sandbox, "x?agent=weak", initialize);
    const ask = async (id: number, method: string): Promise<unknown> =>
      JSON.parse((await post(sandbox, "x", { jsonrpc: "2.0", id, method })).text);
    assert.equal(field(await ask(2, "die"), "error", "data", "exitCode"), 7);
    const failed = field(await ask(3, "look"), "error", "data");
    assert.deepEqual(failed, {
      reason: "agent_process_exited",
      exitCode: 3,
      signal: null,
      agentStderr: "no luck",
    });
    assert.deepEqual(field(await ask(4, "look"), "result"), { life: 3, initialized: true });
  });

  test("a handshake request that the agent rejected is not replayed to its replacement", async (t) => {
    const script = `
import { createInterface } from "node:readline";
const told = [];
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (method === "die") process.exit(7);
  if (method !== "look") told.push([method, params.name]);
  const answer = params?.name === "bad" ? { error: { code: -32602, message: "no" } } : { result: told };
  console.log(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
}`;
    const sandbox = await startSandbox(t, "unix", { agents: await withScript(t, "strict", script) });
    const ask = async (id: number, method: string, name?: string): Promise<unknown> =>
      JSON.parse(
        (await post(sandbox, "x?agent=strict", { jsonrpc: "2.0", id, method, params: { name } })).text,
      );
    assert.equal(field(await ask(1, "initialize", "bad"), "error", "message"), "no");
    await ask(2, "die");
    assert.deepEqual(field(await ask(3, "look"), "result"), []);
    await ask(4, "initialize", "good");
    await ask(5, "authenticate", "good");
    await ask(6, "authenticate", "bad");
    await ask(7, "initialize", "bad");
    await ask(8, "die");
    assert.deepEqual(field(await ask(9, "look"), "result"), [
      ["initialize", "good"],
      ["authenticate", "good"],
    ]);
  });
});
