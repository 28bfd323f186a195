import assert from "node:assert/strict";
import { test } from "node:test";
import { Http } from "../internal/http.ts";
import { EventStream } from "../internal/stream.ts";
import { clientLimits } from "../limits.ts";
import type { CloseReason } from "../types.ts";
import { followLogs } from "./process-logs.ts";
import { RemoteSessions } from "./sessions/remote-sessions.ts";

/** A server behind a proxy. A text is a stream that is cut behind it, a number the status of the proxy's own answer. */
function answering(...answers: readonly (string | number)[]): Http {
  let next = 0;
  const fetch: typeof globalThis.fetch = async () => {
    const answer = answers[next] ?? 404;
    next += 1;
    if (typeof answer === "number") return new Response("out of order", { status: answer });
    let told = false;
    const body = new ReadableStream<Uint8Array>({
      pull(stream) {
        if (told) stream.error(new Error("the connection was cut"));
        else stream.enqueue(new TextEncoder().encode(answer));
        told = true;
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  return new Http("http://sandbox.test", fetch, {});
}

test("the output of a process is followed on behind an answer of a proxy that is out of order", async () => {
  const entry = (sequence: number) => `event: log\ndata: {"sequence":${sequence},"data":""}\n\n`;
  const seen: number[] = [];
  const http = answering(entry(1), 502, 503, entry(2));
  const followed = await followLogs(http, "one", {}, ({ sequence }) => seen.push(sequence));
  await followed.closed;
  assert.deepEqual(seen, [1, 2]);
});

test("a session of the server is followed on behind an answer of a proxy that is out of order", async () => {
  const event = (sequence: number) => `data: {"sequence":${sequence}}\n\n`;
  const http = answering(event(1), 504, `${event(2)}event: end\ndata: {}\n\n`);
  const seen: unknown[] = [];
  for await (const item of new RemoteSessions(async () => http).follow("one"))
    seen.push(item.type === "event" ? item.event.sequence : item);
  assert.deepEqual(seen, [1, 2]);
});

test("the stream of an agent goes on behind an answer of a proxy that is out of order", async () => {
  const event = (id: number) => `id: ${id}\nevent: message\ndata: {}\n\n`;
  const options = { path: "/v1/acp/one", after: 0, reconnectForMs: clientLimits.reconnectForMs };
  const ended = Promise.withResolvers<CloseReason>();
  const seen: number[] = [];
  const stream = new EventStream(answering(event(1), 502, event(2), 403), options, {
    onEvent: async (seq) => void seen.push(seq),
    onEnd: ended.resolve,
  });
  stream.start();
  assert.equal((await ended.promise).kind, "unreachable");
  assert.deepEqual(seen, [1, 2]);
});
