import assert from "node:assert/strict";
import { test } from "node:test";
import { clientLimits } from "@holdfast/sandbox-client";
import { readServerSentEvents } from "./server-sent.ts";

test("a stream that is silent for 60 s counts as ended and is cancelled", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const cancelled = Promise.withResolvers<void>();
  const read = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    start: (stream) => stream.enqueue(new TextEncoder().encode("event: one\ndata: 1\n\n")),
    cancel: () => cancelled.resolve(),
  });
  const seen: string[] = [];
  const reading = readServerSentEvents(new Response(body), (_event, data) => {
    seen.push(data);
    read.resolve();
  });
  await read.promise;
  // After the event, the reader waits for the next chunk within the same turn.
  await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(clientLimits.streamSilenceMs);
  await Promise.all([reading, cancelled.promise]);
  assert.deepEqual(seen, ["1"]);
});
