import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Http } from "../internal/http.ts";
import { EventStream } from "../internal/stream.ts";
import { clientLimits } from "../limits.ts";
import type { CloseReason } from "../types.ts";
import { followLogs } from "./process-logs.ts";
import { RemoteSessions } from "./sessions/remote-sessions.ts";

/** A server whose connections stand: each answer is a part of a stream, and then nothing, not even its end. */
function silentAfter(...answers: readonly string[]) {
  const asked: Request[] = [];
  const waits: (() => void)[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const text = answers[asked.length] ?? "";
    asked.push(new Request(input, init));
    let told = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (!told) controller.enqueue(new TextEncoder().encode(text));
          else waits.shift()?.();
          told = true;
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  /** Resolves when somebody waits for what does not come. */
  const waited = () => new Promise<void>((resolve) => waits.push(resolve));
  return { http: new Http("http://sandbox.test", fetch, {}), asked, waited };
}

/** Lets what is settled be heard. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function passSilence(t: TestContext): Promise<void> {
  t.mock.timers.tick(clientLimits.streamSilenceMs - 1);
  await turn();
}

test("the log of a session of the server is asked for again behind the last entry after 60 s of silence", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { http, asked, waited } = silentAfter(
    ': hello\n\ndata: {"sequence":1}\n\n',
    'data: {"sequence":2}\n\n',
  );
  const silent = waited();
  const items = new RemoteSessions(async () => http).follow("one");
  assert.equal((await items.next()).done, false);
  const next = items.next();
  await silent;
  await passSilence(t);
  assert.equal(asked.length, 1);
  t.mock.timers.tick(1);
  await turn();
  t.mock.timers.tick(250);
  assert.deepEqual((await next).value, { type: "event", event: { sequence: 2 } });
  assert.match(asked[1]?.url ?? "", /after=1$/);
  await items.return(undefined);
});

test("the log of a session of the server is followed on when its server has closed, until it is deleted", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const end = (reason: string) => `event: end\ndata: {"reason":"${reason}"}\n\n`;
  const { http, asked } = silentAfter(
    `data: {"sequence":1}\n\n${end("closing")}`,
    `data: {"sequence":2}\n\n${end("deleted")}`,
  );
  const items = new RemoteSessions(async () => http).follow("one");
  assert.deepEqual((await items.next()).value, { type: "event", event: { sequence: 1 } });
  const next = items.next();
  await turn();
  t.mock.timers.tick(250);
  assert.deepEqual((await next).value, { type: "event", event: { sequence: 2 } });
  assert.match(asked[1]?.url ?? "", /after=1$/);
  assert.equal((await items.next()).done, true);
});

test("the output of a process is asked for again behind the last entry after 60 s of silence", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const entry = (sequence: number) => `event: log\ndata: {"sequence":${sequence},"data":""}\n\n`;
  const { http, asked, waited } = silentAfter(entry(1), entry(2));
  const silent = waited();
  const seen: number[] = [];
  const followed = await followLogs(http, "one", {}, ({ sequence }) => seen.push(sequence));
  await silent;
  assert.deepEqual(seen, [1]);
  await passSilence(t);
  assert.equal(asked.length, 1);
  const again = waited();
  t.mock.timers.tick(1);
  await turn();
  t.mock.timers.tick(250);
  await again;
  assert.deepEqual(seen, [1, 2]);
  assert.match(asked[1]?.url ?? "", /since=1/);
  followed.close();
  t.mock.timers.tick(clientLimits.streamSilenceMs);
  await followed.closed;
});

test("the stream of an agent is opened again behind the last event after 60 s of silence", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const event = (id: number) => `id: ${id}\nevent: message\ndata: {}\n\n`;
  const { http, asked, waited } = silentAfter(event(1), event(2));
  const silent = waited();
  const seen: number[] = [];
  const options = { path: "/v1/acp/one", after: 0, reconnectForMs: clientLimits.reconnectForMs };
  const onEnd = ({ kind }: CloseReason) => assert.fail(kind);
  const stream = new EventStream(http, options, { onEvent: async (seq) => void seen.push(seq), onEnd });
  stream.start();
  await silent;
  await passSilence(t);
  assert.equal(asked.length, 1);
  const again = waited();
  t.mock.timers.tick(1);
  await turn();
  t.mock.timers.tick(100);
  await again;
  assert.deepEqual(seen, [1, 2]);
  assert.equal(asked[1]?.headers.get("last-event-id"), "1");
  stream.stop();
  t.mock.timers.tick(clientLimits.streamSilenceMs);
});

test("a stream that is opened and not answered is unreachable after 60 s", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const unanswered: typeof globalThis.fetch = (_input, init) =>
    new Promise((_resolve, reject) =>
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason), { once: true }),
    );
  const http = new Http("http://sandbox.test", unanswered, {});
  const logs = assert.rejects(
    followLogs(http, "one", {}, () => {}),
    { code: "unreachable" },
  );
  const ended = Promise.withResolvers<string>();
  const options = { path: "/v1/acp/one", after: 0, reconnectForMs: clientLimits.reconnectForMs };
  const events = { onEvent: async () => {}, onEnd: ({ kind }: CloseReason) => ended.resolve(kind) };
  new EventStream(http, options, events).start();
  const items = assert.rejects(new RemoteSessions(async () => http).follow("one").next(), {
    code: "unreachable",
  });
  await turn();
  t.mock.timers.tick(clientLimits.streamSilenceMs);
  await Promise.all([logs, items]);
  assert.equal(await ended.promise, "unreachable");
});
