import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { EngineClient } from "./engine-client.ts";

test("many waiting requests do not block other calls to an engine", { timeout: 20_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-engine-"));
  const waiting: ServerResponse[] = [];
  const all = Promise.withResolvers<void>();
  const most = 100;
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    if (request.url?.endsWith("/wait") === true) waiting.push(response);
    else response.end("{}");
    if (waiting.length === most) all.resolve();
  });
  const socketPath = join(directory, "engine.sock");
  server.listen(socketPath);
  await once(server, "listening");
  const client = new EngineClient(socketPath);
  t.after(() => {
    client.close();
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true });
  });
  const ends = Array.from({ length: most }, (_, n) => client.ended(`container-${n}`));
  await all.promise;
  assert.deepEqual(await client.call("GET", "/info"), {});
  for (const response of waiting) response.end('{"StatusCode":3}');
  assert.deepEqual(await Promise.all(ends), Array(most).fill({ StatusCode: 3 }));
});
