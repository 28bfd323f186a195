import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { SandboxApi } from "./sandbox-api.ts";
import { SessionLog } from "./session-log.ts";

test("older events that are asked for twice are there once", async (t) => {
  const event = (sequence: number) => ({ version: 1, sessionId: "s", sequence, createdAt: 0, payload: {} });
  const server = createServer((request, response) => {
    if (request.headers.accept === "text/event-stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`event: message\nid: 3\ndata: ${JSON.stringify(event(3))}\n\n`);
    } else {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ events: [event(1), event(2)], lastSequence: 3 }));
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
  void log.run(2_002);
  await shown;
  await Promise.all([log.loadOlder(), log.loadOlder()]);
  assert.deepEqual(
    log.snapshot().events.map(({ sequence }) => sequence),
    [1, 2, 3],
  );
});
