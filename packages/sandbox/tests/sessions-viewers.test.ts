import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type RawData, WebSocket } from "ws";
import { field, type Sandbox, startSandbox, until } from "./harness.ts";
import { assertGapless, SessionApi } from "./session-api.ts";

const token = "viewers-of-a-session";

interface Item {
  readonly type: string;
  readonly id?: number;
  readonly data: unknown;
}

/** Reads a session's stream like a browser's EventSource. */
async function watch(
  t: TestContext,
  sandbox: Sandbox,
  id: string,
  headers: Readonly<Record<string, string>> = {},
  query = "",
) {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const items: Item[] = [];
  const response = await sandbox.fetch(`${sandbox.url}/v1/sessions/${id}/events${query}`, {
    headers: { accept: "text/event-stream", ...headers },
    signal: stop.signal,
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const { body } = response;
  assert.ok(body);
  const ended = (async () => {
    let text = "";
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let cut = text.indexOf("\n\n"); cut !== -1; cut = text.indexOf("\n\n")) {
        const item = parse(text.slice(0, cut));
        text = text.slice(cut + 2);
        if (item) items.push(item);
      }
    }
  })().catch(() => {});
  return { items, ended, stop: () => stop.abort() };
}

function parse(frame: string): Item | undefined {
  const lines = frame.split("\n");
  const of = (name: string) =>
    lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const data = of("data");
  if (data.length === 0) return undefined;
  const id = of("id")[0];
  return {
    type: of("event")[0] ?? "message",
    data: JSON.parse(data.join("\n")),
    ...(id === undefined ? {} : { id: Number(id) }),
  };
}

const events = (items: readonly Item[]) =>
  items.filter((item) => item.type === "message").map(({ data }) => data);

async function withSession(t: TestContext, limits = {}) {
  const sandbox = await startSandbox(t, "tcp", { limits, token });
  const api = new SessionApi(sandbox);
  return { sandbox, api, id: await api.create("demo", { mode: "auto" }) };
}

describe("viewers of a session", () => {
  test("all see the complete log and each other's prompts, over streams and WebSockets", async (t) => {
    const { sandbox, api, id } = await withSession(t);
    const streams = await Promise.all(Array.from({ length: 8 }, () => watch(t, sandbox, id)));
    const sockets = await Promise.all(Array.from({ length: 4 }, () => socket(t, sandbox, id, "")));
    await api.prompt(id, "write notes");
    const { lastSequence } = Object(await api.session(id));
    const expected = await api.events(id);
    for (const { items } of streams) {
      await until("the stream is there", () => events(items).length === lastSequence);
      assert.deepEqual(events(items), expected);
      assert.deepEqual(
        items.map((item) => item.id),
        expected.map((event) => field(event, "sequence")),
      );
    }
    for (const frames of sockets) {
      await until("the socket is there", () => frames.length === lastSequence);
      assert.deepEqual(
        frames.map((frame) => field(frame, "event")),
        expected,
      );
    }
  });

  test("one resumes by query or Last-Event-ID, and disconnects do not affect others", async (t) => {
    const { sandbox, api, id } = await withSession(t);
    const first = await watch(t, sandbox, id);
    await until("something is there", () => first.items.length >= 3);
    const turn = api.prompt(id, "write notes");
    await until("it streams", () => first.items.length >= 12);
    first.stop();
    const had = first.items.at(-1)?.id ?? 0;
    await turn;
    const rest = await watch(t, sandbox, id, { "last-event-id": String(had) });
    const same = await watch(t, sandbox, id, {}, `?after=${had}`);
    const { lastSequence } = Object(await api.session(id));
    for (const { items } of [rest, same]) {
      await until("the rest is there", () => items.at(-1)?.id === lastSequence);
      assertGapless([...events(first.items).slice(0, had), ...events(items)]);
    }
    const future = await watch(t, sandbox, id, { "last-event-id": "999999" });
    await api.expect(200, "PATCH", `/v1/sessions/${id}`, { mode: "ask" });
    await until("what comes is there", () => future.items.length > 0);
    assert.equal(future.items[0]?.id, lastSequence + 1);
    const headers = { accept: "text/html" };
    assert.equal((await sandbox.fetch(`${sandbox.url}/v1/sessions/${id}/events`, { headers })).status, 406);
  });

  test("a stalled viewer delays neither the agent nor other viewers and misses nothing", async (t) => {
    const { sandbox, api, id } = await withSession(t, { readerStallMs: 60_000 });
    const slow = await sandbox.fetch(`${sandbox.url}/v1/sessions/${id}/events`, {
      headers: { accept: "text/event-stream" },
    });
    const quick = await watch(t, sandbox, id);
    assert.equal(field(await api.prompt(id, "flood 12000"), "status"), "completed");
    const { lastSequence } = Object(await api.session(id));
    await until("the quick one has all", () => quick.items.at(-1)?.id === lastSequence, 20_000);
    assertGapless(events(quick.items));
    const numbers: number[] = [];
    let text = "";
    assert.ok(slow.body);
    for await (const chunk of slow.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const cut = text.lastIndexOf("\n\n");
      if (cut === -1) continue;
      for (const match of text.slice(0, cut).matchAll(/^id: (\d+)$/gm)) numbers.push(Number(match[1]));
      text = text.slice(cut + 2);
      if (numbers.at(-1) === lastSequence) break;
    }
    assert.deepEqual(
      numbers,
      Array.from({ length: lastSequence }, (_, index) => index + 1),
    );
  });

  test("a viewer that stalls for too long is disconnected", async (t) => {
    const { sandbox, api, id } = await withSession(t, { readerStallMs: 100 });
    const response = await sandbox.fetch(`${sandbox.url}/v1/sessions/${id}/events`, {
      headers: { accept: "text/event-stream" },
    });
    await api.prompt(id, "flood 20000");
    assert.ok(response.body);
    await assert.rejects(async () => {
      for await (const _ of response.body ?? []) {
        // What was on its way arrives; then the connection is gone.
      }
    });
  });

  test("dropped entries are reported as a gap, in pages, streams and sockets", async (t) => {
    const { sandbox, api, id } = await withSession(t, { maxMemoryLogBytes: 200_000 });
    await api.prompt(id, "flood 500");
    const page = await api.expect(200, "GET", `/v1/sessions/${id}/events?limit=1000`);
    const first = Number(field(page, "events", 0, "sequence"));
    assert.ok(first > 1);
    assert.deepEqual(field(page, "gap"), { from: 1, to: first - 1 });
    const { items } = await watch(t, sandbox, id, {}, "?after=2");
    await until("it has caught up", () => items.at(-1)?.id === field(page, "lastSequence"));
    assert.deepEqual(items[0], { type: "gap", id: first - 1, data: { from: 3, to: first - 1 } });
    assertGapless(events(items), first);
    const frames = await socket(t, sandbox, id, "?after=2");
    await until("the socket too", () => frames.length === items.length);
    assert.deepEqual(frames[0], { type: "gap", from: 3, to: first - 1 });
  });

  test("deleting a session ends its viewers with that reason", async (t) => {
    const { sandbox, api, id } = await withSession(t);
    const { items, ended } = await watch(t, sandbox, id);
    const frames = await socket(t, sandbox, id, "");
    await api.expect(204, "DELETE", `/v1/sessions/${id}`);
    await ended;
    assert.deepEqual(items.at(-1), { type: "end", data: { reason: "deleted" } });
    await until("the socket is told", () => field(frames.at(-1), "type") === "end");
  });

  test("a closing server ends the viewers and reports that the session remains", async (t) => {
    const { sandbox, id } = await withSession(t);
    const { items, ended } = await watch(t, sandbox, id);
    const frames = await socket(t, sandbox, id, "");
    await until("both are up to date", () => items.length > 0 && frames.length === items.length);
    await sandbox.close();
    await ended;
    assert.deepEqual(items.at(-1), { type: "end", data: { reason: "closing" } });
    await until("the socket is told", () => field(frames.at(-1), "type") === "end");
    assert.deepEqual(frames.at(-1), { type: "end", reason: "closing" });
    assertGapless(events(items.slice(0, -1)));
  });

  test("a socket for a missing session is closed with the reason", async (t) => {
    const { sandbox } = await withSession(t);
    const { webSocket } = open(t, sandbox, "none", "");
    const [code, reason] = await new Promise<[number, string]>((resolve) =>
      webSocket.once("close", (number, text) => resolve([number, text.toString()])),
    );
    assert.deepEqual([code, reason], [1008, "sandbox.session_not_found"]);
  });
});

function open(t: TestContext, sandbox: Sandbox, id: string, query: string) {
  const url = `${sandbox.url.replace("http", "ws")}/v1/sessions/${id}/events${query}`;
  const webSocket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
  t.after(() => webSocket.terminate());
  webSocket.on("error", () => {});
  return { webSocket };
}

async function socket(t: TestContext, sandbox: Sandbox, id: string, query: string): Promise<unknown[]> {
  const { webSocket } = open(t, sandbox, id, query);
  const frames: unknown[] = [];
  webSocket.on("message", (data: RawData) => frames.push(JSON.parse(data.toString())));
  await new Promise((resolve, reject) => {
    webSocket.once("open", resolve);
    webSocket.once("error", reject);
  });
  return frames;
}

test("the list of sessions as an event stream reports each session that is created, changed and deleted", async (t) => {
  const sandbox = await startSandbox(t, "tcp", { token });
  const api = new SessionApi(sandbox);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const response = await sandbox.fetch(`${sandbox.url}/v1/sessions`, {
    headers: { accept: "text/event-stream" },
    signal: stop.signal,
  });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  let text = "";
  void (async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += chunk;
  })().catch(() => {});
  await until("ready", () => text.includes("event: ready"));
  const id = await api.create("demo", { mode: "auto" });
  await until("created", () => text.includes(`event: created\ndata: ${JSON.stringify({ id })}`));
  await sandbox.fetch(`${sandbox.url}/v1/sessions/${id}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ title: "Renamed" }),
  });
  await until("updated", () => text.includes(`event: updated\ndata: ${JSON.stringify({ id })}`));
  await sandbox.fetch(`${sandbox.url}/v1/sessions/${id}`, { method: "DELETE" });
  await until("deleted", () => text.includes(`event: deleted\ndata: ${JSON.stringify({ id })}`));
});
