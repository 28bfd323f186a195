import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { createLogger, isErrorCode, type LogRecord } from "@holdfast/core";
import { createSandboxServer, type SandboxServerOptions } from "../src/index.ts";
import { startSandbox, temporary } from "./harness.ts";

const app = "https://app.example";
const varies = "origin, access-control-request-method, access-control-request-headers";

async function serve(t: TestContext, options: Partial<SandboxServerOptions> = {}): Promise<number> {
  const listen = { host: "127.0.0.1", port: 0 };
  const server = await createSandboxServer({ listen, home: await temporary(t), token: "t", ...options });
  t.after(() => server.close());
  return Number(new URL(server.url ?? "").port);
}

interface Answer {
  readonly status: number;
  /** Returns the CORS headers of a response, without their prefix. */
  readonly cors: Readonly<Record<string, unknown>>;
  readonly vary: string | undefined;
  readonly text: string;
}

/** Sends a request with headers that fetch does not allow to set. */
function call(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, method, path, headers });
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => {
        const prefix = "access-control-";
        const cors = Object.entries(response.headers)
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, value]) => [name.slice(prefix.length), value]);
        const { vary } = response.headers;
        resolve({ status: response.statusCode ?? 0, cors: Object.fromEntries(cors), vary, text });
      });
    });
    outgoing.end();
  });
}

const bearer = { authorization: "Bearer t" };

test("without configuration a preflight succeeds and allows no origin", async (t) => {
  const port = await serve(t);
  for (const path of ["/v1/health", "/v1/nothing", "/"]) {
    const answer = await call(port, "OPTIONS", path, { origin: app, "access-control-request-method": "PUT" });
    assert.deepEqual(answer, {
      status: 200,
      cors: { "allow-methods": "*", "allow-headers": "*" },
      vary: varies,
      text: "",
    });
  }
  for (const path of ["/", "/v1/health", "/v1/nothing"])
    assert.equal((await call(port, "GET", path)).vary, varies);
  assert.equal((await call(port, "GET", "/v1/health", { ...bearer, origin: app })).status, 403);
});

test("a configured origin is echoed, with exactly the configured methods and headers", async (t) => {
  const cors = {
    origins: [app],
    methods: ["GET", "POST"],
    headers: ["authorization", "x-mine"],
    credentials: true,
  };
  const port = await serve(t, { cors });
  const preflight = await call(port, "OPTIONS", "/v1/health", { origin: app });
  assert.deepEqual(preflight.cors, {
    "allow-origin": app,
    "allow-methods": "GET,POST",
    "allow-headers": "authorization,x-mine",
    "allow-credentials": "true",
    "expose-headers": preflight.cors["expose-headers"],
  });
  const foreign = await call(port, "OPTIONS", "/v1/health", { origin: "https://evil.example" });
  assert.equal(foreign.cors["allow-origin"], undefined);
  const answer = await call(port, "GET", "/v1/health", { ...bearer, origin: app });
  assert.deepEqual([answer.status, answer.cors["allow-origin"]], [200, app]);
  assert.match(String(answer.cors["expose-headers"]), /\betag\b/);
  const refused = await call(port, "GET", "/v1/health", { origin: app });
  assert.deepEqual([refused.status, refused.cors["allow-origin"]], [401, app], "a page can read its refusal");
  assert.equal((await call(port, "GET", "/")).cors["allow-credentials"], "true");
});

test("an allowed origin gets the headers that it requests, including Authorization", async (t) => {
  const port = await serve(t, { allowedOrigins: [app] });
  const asked = "authorization, content-type";
  const answer = await call(port, "OPTIONS", "/v1/health", {
    origin: app,
    "access-control-request-headers": asked,
  });
  assert.equal(answer.cors["allow-headers"], asked);
  assert.equal(answer.cors["allow-methods"], "*");
});

test("a wildcard origin requires a token", async (t) => {
  const port = await serve(t, { cors: { origins: ["*"] } });
  assert.equal((await call(port, "GET", "/v1/health", { ...bearer, origin: app })).cors["allow-origin"], app);
  const open = {
    listen: { host: "127.0.0.1", port: 0 },
    home: await temporary(t),
    unsafeNoToken: true,
    cors: { origins: ["*"] },
  };
  await assert.rejects(createSandboxServer(open), (error) => isErrorCode(error, "sandbox", "unsafe_origins"));
});

test("metrics are guarded, count by declared route, and never name a path", async (t) => {
  const port = await serve(t);
  assert.equal((await call(port, "GET", "/metrics")).status, 401);
  await call(port, "GET", "/v1/agents/some-secret-id", bearer);
  await call(port, "GET", "/v1/fs/file?path=secret-name", bearer);
  await call(port, "GET", "/secret/unknown", bearer);
  const { status, text } = await call(port, "GET", "/metrics", bearer);
  assert.equal(status, 200);
  const count = (labels: string) => `holdfast_sandbox_requests_total{${labels}} 1\n`;
  assert.ok(text.includes(count('route="/v1/agents/:id",method="GET",status="400"')), text);
  assert.ok(text.includes(count('route="/v1/fs/file",method="GET",status="400"')));
  assert.ok(text.includes(count('route="unknown",method="GET",status="404"')));
  assert.ok(text.includes('holdfast_sandbox_request_duration_seconds_count{route="/v1/fs/file"} 1\n'));
  assert.match(text, /^holdfast_sandbox_requests_in_flight 1$/m);
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
  assert.doesNotMatch(text, /secret/);
  for (const line of text.trimEnd().split("\n")) {
    assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{[^{}]*\})? [\d.e+-]+)$/, line);
  }
});

test("request logging is optional and leaves out queries", async (t) => {
  const records: LogRecord[] = [];
  const answered = Promise.withResolvers<void>();
  const log = createLogger("info", (record) => {
    records.push(record);
    answered.resolve();
  });
  const port = await serve(t, { log, logRequests: true });
  await call(port, "GET", "/v1/fs/stat?path=secret", bearer);
  await answered.promise;
  const [record] = records;
  assert.equal(record?.message, "request answered");
  const { durationMs, ...fields } = record?.fields ?? {};
  assert.deepEqual(fields, { method: "GET", route: "/v1/fs/stat", status: 400, complete: true });
  assert.equal(typeof durationMs, "number");
  assert.doesNotMatch(JSON.stringify(records), /secret/);
});

test("headers are logged on request, without credentials", async (t) => {
  const answered = Promise.withResolvers<LogRecord>();
  const log = createLogger("info", answered.resolve);
  const port = await serve(t, { log, logRequests: true, logHeaders: true });
  await call(port, "GET", "/v1/health", { ...bearer, cookie: "a=secret", "x-trace": "7" });
  const headers = Object(await answered.promise).fields.headers;
  assert.equal(headers["x-trace"], "7");
  assert.deepEqual([headers.authorization, headers.cookie], ["[hidden]", "[hidden]"]);
});

test("problems, titles and allowed methods match the peer's", async (t) => {
  const port = await serve(t);
  const base = `http://127.0.0.1:${port}`;
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { ...bearer, ...(init.headers as Record<string, string>) };
    const response = await fetch(base + path, { ...init, headers });
    const text = await response.text();
    const allow = response.headers.get("allow");
    return { status: response.status, allow, body: text === "" ? {} : JSON.parse(text) };
  };
  const json = { "content-type": "application/json" };
  const post = (body: string, headers: Record<string, string> = json) => ({ method: "POST", body, headers });

  const unknown = await ask("/v1/nothing");
  assert.deepEqual(
    [unknown.status, unknown.body.title, unknown.body.detail],
    [404, "Not Found", "endpoint not found"],
  );
  assert.equal(unknown.body.type, "urn:sandbox-agent:error:invalid_request");
  // These types also have the detail under `details`.
  const initialize = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize" });
  const refused = [
    await ask("/v1/acp/a?agent=demo", post(initialize, { "content-type": "text/plain" })),
    await ask("/v1/acp/a?agent=demo", post(initialize, { ...json, accept: "text/html" })),
    await ask("/v1/processes/run", post(JSON.stringify({ command: "no-such-program" }))),
  ];
  assert.deepEqual(
    refused.map(({ status }) => status),
    [415, 406, 502],
  );
  for (const { body } of refused) assert.equal(body.details.message, body.detail);

  assert.equal((await ask("/v1/acp/a?agent=demo", post(initialize))).status, 200);
  const another = await ask("/v1/acp/a?agent=codex", post(initialize));
  assert.deepEqual([another.status, another.body.details.message], [409, another.body.detail]);
  // An unknown agent is reported before a conflict.
  const nobody = await ask("/v1/acp/a?agent=nobody", post(initialize));
  assert.deepEqual([nobody.status, nobody.body.agent], [400, "nobody"]);

  assert.equal((await ask("/v1/health", { method: "POST" })).allow, "GET, HEAD");
  assert.equal((await ask("/v1/processes", { method: "OPTIONS" })).allow, "GET, HEAD, POST");
  // An empty path selects the default, if there is one.
  assert.deepEqual((await ask("/v1/fs/entries?path=")).body, (await ask("/v1/fs/entries")).body);
  assert.equal((await ask("/v1/fs/stat?path=")).status, 400);
});

test("a JSON body may have a media type with the suffix +json", async (t) => {
  const sandbox = await startSandbox(t);
  const status = async (type: string) => {
    const init = {
      method: "POST",
      headers: { "content-type": type },
      body: JSON.stringify({ command: "true" }),
    };
    return (await sandbox.fetch(`${sandbox.url}/v1/processes/run`, init)).status;
  };
  assert.equal(await status("application/vnd.api+json"), 200);
  assert.equal(await status("Application/LD+JSON; charset=utf-8"), 200);
  for (const type of ["application/+json", "application/json5", "application/x+jsonl", "text/x+json"])
    assert.equal(await status(type), 415, type);
});

test("an HTTP/1.0 health check without Host succeeds, one with a foreign Host fails", async (t) => {
  const port = await serve(t);
  const first = async (head: string) => {
    const socket = connect(port, "127.0.0.1").end(`${head}\r\n\r\n`);
    return (await text(socket)).split("\r\n", 1)[0];
  };
  assert.equal(await first("OPTIONS / HTTP/1.0"), "HTTP/1.1 200 OK");
  assert.equal(await first("GET /v1/health HTTP/1.0"), "HTTP/1.1 401 Unauthorized");
  assert.equal(await first("GET /v1/health HTTP/1.0\r\nAuthorization: Bearer t"), "HTTP/1.1 200 OK");
  const foreign = "GET / HTTP/1.0\r\nOrigin: http://127.0.0.1";
  assert.equal(await first(foreign), "HTTP/1.1 403 Forbidden", "a page is not the server's without its Host");
  assert.equal(await first("GET / HTTP/1.0\r\nHost: evil.example"), "HTTP/1.1 403 Forbidden");
  assert.equal(await first("GET / HTTP/1.1"), "HTTP/1.1 400 Bad Request");
});

test("a compressed body is rejected, not stored as it is", async (t) => {
  const port = await serve(t);
  const types = { file: "application/octet-stream", tar: "application/x-tar", json: "application/json" };
  const routes = [
    ["PUT", "/v1/fs/file?path=f", types.file],
    ["POST", "/v1/fs/upload-batch?path=d", types.tar],
    ["POST", "/v1/processes/run", types.json],
    ["POST", "/v1/sessions", types.json],
    ["POST", "/v1/acp/a?agent=demo", types.json],
    ["PUT", "/v1/config/mcp?directory=/tmp&mcpName=a", types.json],
  ] as const;
  for (const [method, path, type] of routes) {
    const headers = { ...bearer, "content-type": type, "content-encoding": "gzip" };
    const body = new Uint8Array(gzipSync(JSON.stringify({ command: "true", agent: "demo" })));
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, body });
    assert.equal(response.status, 415, path);
    assert.equal(response.headers.get("accept-encoding"), "identity");
    assert.match(await response.text(), /content-encoding/);
  }
  const entries = await fetch(`http://127.0.0.1:${port}/v1/fs/entries`, { headers: bearer });
  assert.deepEqual(await entries.json(), []);
  const identity = { ...bearer, "content-encoding": "identity" };
  const init = { method: "PUT", headers: identity, body: "plain" };
  assert.equal((await fetch(`http://127.0.0.1:${port}/v1/fs/file?path=f`, init)).status, 200);
});

test("a duplicate query parameter is rejected only if it is read", async (t) => {
  const port = await serve(t);
  const status = async (target: string, method = "GET") => {
    const init = { method, headers: bearer };
    return (await fetch(`http://127.0.0.1:${port}${target}`, init)).status;
  };
  const ambiguous = [
    "/v1/fs/stat?path=/tmp&path=/etc",
    "/v1/agents?config=true&config=true",
    "/v1/config/mcp?directory=/tmp&directory=/etc&mcpName=a",
    "/v1/processes?owner=user&owner=user",
    "/v1/sessions?limit=1&limit=2",
  ];
  for (const target of ambiguous) assert.equal(await status(target), 400, target);
  assert.equal(await status("/v1/fs/entry?path=/tmp/none-a&path=/tmp/none-b", "DELETE"), 400);
  assert.equal(await status("/v1/agents?other=1&other=2"), 200);
  assert.equal(await status("/v1/fs/stat?path=/tmp"), 200);
});

test("an empty Last-Event-ID counts as absent", async (t) => {
  const port = await serve(t);
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: 1 },
  });
  const url = `http://127.0.0.1:${port}/v1/acp/a`;
  const headers = { ...bearer, "content-type": "application/json" };
  await (await fetch(`${url}?agent=demo`, { method: "POST", body, headers })).text();
  const gone = new AbortController();
  const accept = "text/event-stream";
  const stream = await fetch(url, {
    headers: { ...bearer, accept, "last-event-id": "" },
    signal: gone.signal,
  });
  assert.equal(stream.status, 200);
  const first = await stream.body?.getReader().read();
  assert.match(new TextDecoder().decode(first?.value), /^event: message\nid: 1\n/);
  for (const path of ["/opencode/event", "/opencode/global/event"]) {
    const events = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { ...bearer, "last-event-id": "" },
      signal: gone.signal,
    });
    assert.equal(events.status, 200, path);
  }
  gone.abort();
});
