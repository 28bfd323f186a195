import assert from "node:assert/strict";
import { mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pack } from "tar-stream";
import { field, openSession, type Sandbox, startSandbox, temporary } from "./harness.ts";
import { SessionApi } from "./session-api.ts";

/**
 * Known defects of the nearest peer, by their numbers in our list, which must not exist here. The others have tests
 * elsewhere: 1, 2 `orphans.test.ts`; 5, 6 `agents.test.ts`, `sessions-viewers.test.ts`; 10 `config.test.ts`; 20, 21
 * `tests/sandbox-sdk/faults.test.ts`; 22 `packages/sandbox-client/tests/providers`; 23 `cli.test.ts`,
 * `cli-opencode.test.ts`; 24 `install.test.ts`; 25 `agents-api.test.ts`; 26 `acp.test.ts`; 17 `desktop/desktop.test.ts`.
 */
async function request(
  sandbox: Sandbox,
  method: string,
  path: string,
  body?: unknown,
  type = "application/json",
) {
  const content =
    body === undefined
      ? {}
      : { headers: { "content-type": type }, body: body as NonNullable<RequestInit["body"]> };
  const response = await sandbox.fetch(`${sandbox.url}${path}`, { method, ...content });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  const value: unknown = isJson ? JSON.parse(text) : text;
  return { status: response.status, type: response.headers.get("content-type") ?? "", value };
}

const run = async (sandbox: Sandbox, script: string, more: object = {}) =>
  await request(
    sandbox,
    "POST",
    "/v1/processes/run",
    JSON.stringify({ command: "/bin/sh", args: ["-c", script], ...more }),
  );

test("defects 3 and 4: a crash settles its prompt immediately, and the session can be used again", async (t) => {
  const sandbox = await startSandbox(t);
  const session = await openSession(sandbox, { allow: true });
  await assert.rejects(session.prompt("crash"), { code: "agent_exited" });
  const api = new SessionApi(sandbox);
  const id = await api.create("demo");
  assert.equal(field(await api.prompt(id, "crash"), "status"), "failed");
  assert.equal(field(await api.prompt(id, "add a line without asking"), "status"), "completed");
});

test("defect 7: a stream requested together with the first message waits for it", async (t) => {
  const sandbox = await startSandbox(t);
  const abort = new AbortController();
  t.after(() => abort.abort());
  const initialize = { jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: 1 } };
  const [stream, answer] = await Promise.all([
    sandbox.fetch(`${sandbox.url}/v1/acp/s1`, {
      headers: { accept: "text/event-stream" },
      signal: abort.signal,
    }),
    request(sandbox, "POST", "/v1/acp/s1?agent=demo", JSON.stringify(initialize)),
  ]);
  assert.deepEqual([stream.status, answer.status], [200, 200]);
});

test("defect 8: bodies are not limited to 2 MiB", async (t) => {
  const sandbox = await startSandbox(t);
  const bytes = Buffer.alloc(3 * 1_048_576, 7);
  const written = await request(sandbox, "PUT", "/v1/fs/file?path=big", bytes, "application/octet-stream");
  assert.equal(field(written.value, "bytesWritten"), bytes.length);
  const session = await openSession(sandbox, { allow: true });
  await session.prompt(`without asking ${"x".repeat(3 * 1_048_576)}`);
});

test("defect 9: the agent without a model works with a fresh HOME", async (t) => {
  const sandbox = await startSandbox(t);
  const session = await openSession(sandbox, { agent: "demo", allow: true });
  assert.equal(field(await session.prompt("hello"), "stopReason"), "end_turn");
});

test("defect 11: a move onto itself or of a missing file destroys nothing", async (t) => {
  const sandbox = await startSandbox(t);
  await writeFile(join(sandbox.home, "kept"), "kept");
  const move = (from: string, to: string) =>
    request(sandbox, "POST", "/v1/fs/move", JSON.stringify({ from, to, overwrite: true }));
  assert.equal((await move("kept", "kept")).status, 200);
  assert.equal((await move("none", "kept")).status, 400);
  assert.equal(await readFile(join(sandbox.home, "kept"), "utf8"), "kept");
});

async function tar(add: (archive: ReturnType<typeof pack>) => void): Promise<Buffer> {
  const archive = pack();
  add(archive);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
  return Buffer.concat(chunks);
}

test("defect 12: an archive cannot write outside its destination, and its headers are bounded", async (t) => {
  const outside = await temporary(t);
  const sandbox = await startSandbox(t);
  const upload = (body: Buffer) =>
    request(sandbox, "POST", "/v1/fs/upload-batch?path=into", body, "application/x-tar");
  const leading = await tar((archive) => {
    archive.entry({ name: "out", type: "symlink", linkname: outside });
    archive.entry({ name: "out/file" }, "x");
  });
  assert.equal((await upload(leading)).status, 403);
  await assert.rejects(readFile(join(outside, "file")));
  const deep = await tar((archive) => archive.entry({ name: `${"d/".repeat(3_000)}f` }, "x"));
  assert.equal((await upload(deep)).status, 400);
  const huge = await tar((archive) => archive.entry({ name: "n".repeat(5 * 1_048_576) }, "x"));
  assert.equal((await upload(huge)).status, 502);
  assert.equal((await request(sandbox, "GET", "/v1/health")).status, 200);
});

test("defect 13: a dangling link is deleted, ~ expands, ranges are served", async (t) => {
  const sandbox = await startSandbox(t);
  await symlink("nowhere", join(sandbox.home, "dangling"));
  assert.equal((await request(sandbox, "DELETE", "/v1/fs/entry?path=~/dangling")).status, 200);
  await assert.rejects(readlink(join(sandbox.home, "dangling")));
  await writeFile(join(sandbox.home, "digits"), "0123456789");
  const part = await sandbox.fetch(`${sandbox.url}/v1/fs/file?path=~/digits`, {
    headers: { range: "bytes=2-4" },
  });
  assert.deepEqual([part.status, await part.text()], [206, "234"]);
});

test("defects 14 and 16: a run does not wait for its background processes, and terminals have TERM", async (t) => {
  const sandbox = await startSandbox(t);
  const { value } = await run(sandbox, "sleep 600 & echo done", { timeoutMs: 60_000 });
  assert.deepEqual([field(value, "stdout"), field(value, "timedOut")], ["done\n", false]);
  const created = await request(
    sandbox,
    "POST",
    "/v1/processes",
    JSON.stringify({ command: "/bin/sh", args: ["-c", "echo TERM=$TERM"], tty: true }),
  );
  const id = String(field(created.value, "id"));
  const said = await follow(t, sandbox, id);
  assert.match(said, /TERM=\S+\r\n/);
  assert.doesNotMatch(said, /error/i);
});

/** Defect 15: this ends when the process does. */
async function follow(t: TestContext, sandbox: Sandbox, id: string): Promise<string> {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const response = await sandbox.fetch(`${sandbox.url}/v1/processes/${id}/logs?follow=true`, {
    headers: { accept: "text/event-stream" },
    signal: abort.signal,
  });
  const entries = [...(await response.text()).matchAll(/^data: (\{.*\})$/gm)];
  return entries
    .map(([, data = "{}"]): unknown => JSON.parse(data))
    .map((entry) => Buffer.from(String(field(entry, "data") ?? ""), "base64").toString("utf8"))
    .join("");
}

test("defect 15: following output ends with the process, and processes are listed in creation order", async (t) => {
  const sandbox = await startSandbox(t);
  const ids: string[] = [];
  for (let index = 0; index < 11; index += 1) {
    const body = JSON.stringify({ command: "/bin/echo", args: [String(index)] });
    ids.push(String(field((await request(sandbox, "POST", "/v1/processes", body)).value, "id")));
  }
  assert.equal(await follow(t, sandbox, ids[10] ?? ""), "10\n");
  const { value } = await request(sandbox, "GET", "/v1/processes");
  const listed = field(value, "processes");
  assert.ok(Array.isArray(listed));
  assert.deepEqual(
    listed.map((item) => field(item, "id")),
    ids,
  );
});

test("defect 18: invalid bodies and queries get problem documents, and an OpenAPI document exists", async (t) => {
  const sandbox = await startSandbox(t);
  await mkdir(join(sandbox.home, "d"));
  for (const [method, path, body, type, status] of [
    ["GET", "/v1/fs/file", undefined, undefined, 400],
    ["POST", "/v1/processes/run", "{", undefined, 400],
    ["POST", "/v1/processes/run", "{}", undefined, 422],
    ["POST", "/v1/processes/run", "{}", "text/plain", 415],
  ] as const) {
    const answer = await request(sandbox, method, path, body, type);
    assert.deepEqual([answer.status, answer.type], [status, "application/problem+json"], `${method} ${path}`);
  }
  assert.equal(field((await request(sandbox, "GET", "/openapi.json")).value, "openapi"), "3.1.0");
});

test("defect 19: a TCP server is never open by accident, and the scheme is case-insensitive", async (t) => {
  const sandbox = await startSandbox(t, "tcp", { token: "secret" });
  assert.equal((await fetch(`${sandbox.url}/v1/agents`)).status, 401);
  const headers = { authorization: "bEaReR secret" };
  assert.equal((await fetch(`${sandbox.url}/v1/agents`, { headers })).status, 200);
  const unasked = await startSandbox(t, "tcp");
  assert.equal((await fetch(`${unasked.url}/v1/agents`)).status, 401);
});
