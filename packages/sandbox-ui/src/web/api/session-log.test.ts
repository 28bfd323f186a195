import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type TestContext, test } from "node:test";
import { isHoldfastError } from "@holdfast/core";
import { SandboxApi } from "./sandbox-api.ts";
import { SessionLog } from "./session-log.ts";

const event = (sequence: number) => ({ version: 1, sessionId: "s", sequence, createdAt: 0, payload: {} });

/**
 * Starts a server with a log that ends at `newest`. Requests for older events get `page`; the first requests get the
 * responses in `refusals`.
 */
async function followed(
  t: TestContext,
  newest: number,
  page: object,
  refusals: number[] = [],
): Promise<SessionLog> {
  const server = createServer((request, response) => {
    const refusal = refusals.shift();
    if (refusal !== undefined) {
      response.writeHead(refusal).end();
    } else if (request.headers.accept === "text/event-stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`event: message\nid: ${newest}\ndata: ${JSON.stringify(event(newest))}\n\n`);
    } else {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(page));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const baseUrl = `http://127.0.0.1:${address.port}`;
  const log = new SessionLog(await SandboxApi.connect({ baseUrl, basePath: "/ui", headers: {} }), "s");
  t.after(() => {
    log.close();
    server.closeAllConnections();
    server.close();
  });
  const shown = new Promise<void>((resolve) => {
    log.subscribe(() => log.snapshot().events.length > 0 && resolve());
  });
  void log.run(2_000 + newest - 1);
  await shown;
  return log;
}

test("older events that are requested twice appear once", async (t) => {
  const log = await followed(t, 3, { events: [event(1), event(2)], lastSequence: 3 });
  await Promise.all([log.loadOlder(), log.loadOlder()]);
  assert.deepEqual(
    log.snapshot().events.map(({ sequence }) => sequence),
    [1, 2, 3],
  );
});

test("a log whose beginning was dropped has nothing older to load", async (t) => {
  const page = { events: [event(5_000)], lastSequence: 5_000, gap: { from: 4_500, to: 4_999 } };
  const log = await followed(t, 5_000, page);
  assert.equal(log.snapshot().from, 5_000);
  for (let press = 1; press <= 2; press += 1) {
    await log.loadOlder();
    const { events, gaps, from } = log.snapshot();
    assert.deepEqual([events.length, gaps, from], [1, [{ from: 1, to: 4_999 }], 1]);
  }
});

test("the log is read again after a response that the server is unavailable", async (t) => {
  const log = await followed(t, 3, {}, [502]);
  assert.deepEqual(
    log.snapshot().events.map(({ sequence }) => sequence),
    [3],
  );
});

test("an error of loading older events is reported until they are loaded", async (t) => {
  const refusals: number[] = [];
  const log = await followed(t, 3, { events: [event(1), event(2)], lastSequence: 3 }, refusals);
  refusals.push(500);
  await log.loadOlder();
  const { olderError, from } = log.snapshot();
  assert.ok(isHoldfastError(olderError));
  assert.deepEqual([olderError.statusCode, from], [500, 3]);
  await log.loadOlder();
  assert.deepEqual([log.snapshot().olderError, log.snapshot().from], [undefined, 1]);
});
