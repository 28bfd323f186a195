import assert from "node:assert/strict";
import { request } from "node:http";
import { type TestContext, test } from "node:test";
import { createLogger, isErrorCode, type LogRecord } from "@holdfast/core";
import { createSandboxServer, type SandboxServerOptions } from "../src/index.ts";
import { temporary } from "./harness.ts";

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
  /** The headers of cross-origin calls, without their prefix. */
  readonly cors: Readonly<Record<string, unknown>>;
  readonly vary: string | undefined;
  readonly text: string;
}

/** A request with headers that fetch would not let a caller set. */
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

test("without configuration a preflight is answered and allows no origin", async (t) => {
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

test("a configured origin is repeated, with exactly the methods and headers that are configured", async (t) => {
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

test("an allowed page gets the headers that it asks for, Authorization among them", async (t) => {
  const port = await serve(t, { allowedOrigins: [app] });
  const asked = "authorization, content-type";
  const answer = await call(port, "OPTIONS", "/v1/health", {
    origin: app,
    "access-control-request-headers": asked,
  });
  assert.equal(answer.cors["allow-headers"], asked);
  assert.equal(answer.cors["allow-methods"], "*");
});

test("every origin may be allowed, but not on a server without a token", async (t) => {
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

test("requests are logged where that is asked for, without their query", async (t) => {
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
