import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { curlCommand } from "./curl.ts";
import { maxRequests, RequestLog } from "./request-log.ts";

const token = "the/secret token";

/** A server that answers with the bytes of the path `/v1/N`, without their number for `/v1/N/stream`. */
async function start(t: TestContext, headers: Readonly<Record<string, string>> = {}) {
  const server = createServer((request, response) => {
    const [, , size = "0", kind] = (request.url ?? "").split("/");
    const body = "x".repeat(Number.parseInt(size, 10));
    response.writeHead(body === "" ? 404 : 200, kind === "stream" ? {} : { "content-length": body.length });
    // A head of its own, so that Node does not tell the length by itself.
    if (kind === "stream") response.flushHeaders();
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = { baseUrl, basePath: "/ui", token, headers };
  return { connection, log: new RequestLog(connection) };
}

test("a request is kept with what was asked and answered, also one that fails", async (t) => {
  const { connection, log } = await start(t);
  const { baseUrl } = connection;
  const changes: (number | undefined)[] = [];
  t.after(log.subscribe(() => changes.push(log.snapshot().at(-1)?.status)));
  await log.fetch(`${baseUrl}/v1/5?a=b`);
  await log.fetch(`${baseUrl}/v1/0`, { method: "DELETE" });
  const [first, second] = log.snapshot();
  assert.deepEqual([first?.method, first?.path, first?.status, first?.bytes], ["GET", "/v1/5?a=b", 200, 5]);
  assert.deepEqual([second?.method, second?.status, second?.bytes], ["DELETE", 404, 0]);
  assert.ok((first?.durationMs ?? -1) >= 0 && (first?.startedAt ?? 0) <= Date.now());
  assert.deepEqual(changes, [undefined, 200, undefined, 404]);
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(log.fetch(`${baseUrl}/v1/1`, { signal: stop.signal }));
  await assert.rejects(log.fetch("http://127.0.0.1:1/v1/1"));
  assert.deepEqual(
    log.snapshot().map(({ failure }) => failure),
    [undefined, undefined, "cancelled", "unreachable"],
  );
  log.clear();
  assert.deepEqual(log.snapshot(), []);
});

test("the size of a stream is known when it has ended or was cancelled", async (t) => {
  const { connection, log } = await start(t);
  const response = await log.fetch(`${connection.baseUrl}/v1/70000/stream`);
  assert.equal(log.snapshot()[0]?.bytes, undefined);
  assert.equal((await response.text()).length, 70_000);
  assert.equal(log.snapshot()[0]?.bytes, 70_000);
  const other = await log.fetch(`${connection.baseUrl}/v1/70000/stream`);
  await other.body?.cancel();
  assert.ok((log.snapshot()[1]?.bytes ?? -1) >= 0);
});

test("the oldest requests are dropped, and an answer to one of them changes nothing", async (t) => {
  const { connection, log } = await start(t);
  const first = log.fetch(`${connection.baseUrl}/v1/1`);
  const others = Array.from({ length: maxRequests }, (_, index) =>
    log.fetch("http://127.0.0.1:1/v1/1", { method: `M${index}` }).catch(() => undefined),
  );
  await Promise.all([first, ...others]);
  assert.equal(log.snapshot().length, maxRequests);
  assert.deepEqual([log.snapshot()[0]?.method, log.snapshot().at(-1)?.method], ["M0", `M${maxRequests - 1}`]);
});

test("no token is kept, and the command has variables in its place", async (t) => {
  const { connection, log } = await start(t, { "x-team-key": "another secret", "x-trace": "1" });
  await log.fetch(`${connection.baseUrl}/v1/1?access_token=${encodeURIComponent(token)}`, {
    method: "PUT",
    headers: {
      authorization: `Bearer ${token}`,
      "x-team-key": "another secret",
      "content-type": "application/json",
      "if-match": '"1"',
    },
    body: JSON.stringify({ env: token, other: "another secret", text: "it's" }),
  });
  await log.fetch(`${connection.baseUrl}/v1/1`, { method: "POST", body: "x".repeat(8_193) });
  await log.fetch(`${connection.baseUrl}/v1/1`, { headers: { accept: "text/event-stream" } });
  const [put, post, stream] = log.snapshot();
  assert.ok(put && post && stream);
  assert.doesNotMatch(JSON.stringify(log.snapshot()), /secret/);
  assert.equal(
    curlCommand(put, connection),
    [
      `curl -X PUT '${connection.baseUrl}/v1/1?access_token=[redacted]'`,
      '-H "authorization: Bearer $HOLDFAST_SANDBOX_TOKEN"',
      '-H "x-team-key: $X_TEAM_KEY"',
      '-H "x-trace: $X_TRACE"',
      "-H 'content-type: application/json'",
      `-H 'if-match: "1"'`,
      `--data-raw '{"env":"[redacted]","other":"[redacted]","text":"it'\\''s"}'`,
    ].join(" \\\n  "),
  );
  assert.match(curlCommand(post, connection), /^curl -X POST .* --data-binary @FILE$/s);
  const { token: _, ...open } = { ...connection, headers: {} };
  assert.equal(
    curlCommand(stream, open),
    `curl -N '${connection.baseUrl}/v1/1' \\\n  -H 'accept: text/event-stream'`,
  );
  assert.match(curlCommand(stream, { ...open, taskPath: "/tasks/1" }), /Bearer \$HOLDFAST_TOKEN"/);
});
