import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EngineClient } from "./engine-client.ts";

/** An engine that answers what `answer` writes. */
async function startEngine(t: TestContext, answer: (path: string, response: ServerResponse) => void) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-engine-"));
  const server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    answer(request.url ?? "", response);
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
  return client;
}

test("many waiting requests do not block other calls to an engine", { timeout: 20_000 }, async (t) => {
  const waiting: ServerResponse[] = [];
  const all = Promise.withResolvers<void>();
  const most = 100;
  const client = await startEngine(t, (path, response) => {
    if (path.endsWith("/wait")) waiting.push(response);
    else response.end("{}");
    if (waiting.length === most) all.resolve();
  });
  const isPodman = false;
  const ends = Array.from({ length: most }, (_, n) => client.ended(`container-${n}`, { isPodman }));
  await all.promise;
  assert.deepEqual(await client.call("GET", "/info"), {});
  for (const response of waiting) response.end('{"StatusCode":3}');
  assert.deepEqual(await Promise.all(ends), Array(most).fill(3));
});

test("podman is asked to pause between two looks at a container, and answers with a number", async (t) => {
  const paths: string[] = [];
  const client = await startEngine(t, (path, response) => {
    paths.push(path);
    if (path.includes("/text/")) response.setHeader("content-type", "text/plain");
    response.end(path.includes("/nothing/") ? "" : "3\n");
  });
  assert.equal(await client.ended("json", { isPodman: true }), 3);
  assert.equal(await client.ended("text", { isPodman: true }), 3);
  assert.equal(await client.ended("nothing", { isPodman: true }), null);
  assert.match(paths[0] ?? "", /^\/v[\d.]+\/libpod\/containers\/json\/wait\?interval=\d+ms$/);
});
