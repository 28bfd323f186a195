import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { join, relative } from "node:path";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { SandboxClient } from "@holdfast/sandbox-client";
import { createSandboxServer } from "../src/index.ts";
import { field, openSession, startSandbox, temporary } from "./harness.ts";

/** Accepts no connections: once its backlog is full, the system rejects more with EAGAIN. */
const listensAndSleeps = `
require("node:net").createServer().listen({ path: process.argv[1], backlog: 1 }, () => {
  console.log("listening");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

/** Returns the error code of a rejected connection; undefined for a queued one. */
function codeOfConnecting(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}

describe("problems and routes", () => {
  test("statuses and problem details are the peer's", async (t) => {
    const { fetch, url, client } = await startSandbox(t);
    const get = async (path: string, init?: RequestInit) => {
      const response = await fetch(url + path, init);
      const text = await response.text();
      return { status: response.status, type: response.headers.get("content-type"), text };
    };
    assert.deepEqual(await client.health(), { status: "ok" });
    assert.equal((await get("/v1/health/")).status, 404);
    const unknown = await get("/v1/nothing");
    assert.equal(unknown.status, 404);
    assert.equal(unknown.type, "application/problem+json");
    assert.equal(JSON.parse(unknown.text).type, "urn:sandbox-agent:error:invalid_request");
    assert.deepEqual(await get("/v1/health", { method: "POST" }), { status: 405, type: null, text: "" });
    assert.equal((await get("/v1/health", { method: "HEAD" })).status, 200);
    assert.deepEqual((await get("/v1/health", { method: "OPTIONS" })).text, "");
    assert.equal((await get("/v1/agents/none")).status, 400);
    assert.equal((await get("/v1/agents?config=yes")).status, 400);
    assert.equal((await get("/v1/fs/file")).status, 400);
    assert.equal((await get("/v1/acp/%ff")).status, 400);
    const acp = (body: string, headers: Record<string, string> = { "content-type": "application/json" }) =>
      get("/v1/acp/x", { method: "POST", headers, body });
    assert.equal((await acp("{}", {})).status, 415);
    assert.equal((await acp("{}", { "content-type": "application/json", accept: "text/html" })).status, 406);
    for (const body of ["[]", '"x"', "1", "{"]) assert.equal((await acp(body)).status, 400, body);
    assert.match((await acp('{"id":1,"method":"initialize"}')).text, /missing required 'agent'/);
    const streams = await get("/v1/acp/x", { headers: { accept: "application/json" } });
    assert.equal(streams.status, 406);
    assert.equal((await get("/v1/acp/x", { headers: { "last-event-id": "x" } })).status, 400);
    const absent = await get("/v1/acp/x");
    assert.equal(absent.status, 404);
    assert.equal(JSON.parse(absent.text).type, "urn:sandbox-agent:error:session_not_found");
    assert.equal(JSON.parse(absent.text).sessionId, "x");
    assert.equal((await get("/v1/acp/x", { method: "DELETE" })).status, 204);
  });

  test("relative directories start at the server's working directory", async (t) => {
    const directory = await temporary(t);
    const home = join(directory, "home");
    await mkdir(home);
    const { client, fetch, url } = await startSandbox(t, "unix", {
      home: `${relative(process.cwd(), directory)}/./home/`,
      cwd: relative(process.cwd(), directory),
    });
    assert.equal((await client.fs.stat("~")).path, home);
    assert.equal(
      (await client.run({ command: "sh", args: ["-c", "cd && pwd"], cwd: "home" })).stdout,
      `${home}\n`,
    );
    const made = await fetch(`${url}/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ agent: "demo" }),
    });
    assert.equal(field(await made.json(), "cwd"), directory);
  });

  test("the body size is limited: at the limit, and one byte above", async (t) => {
    const { client, fetch, url } = await startSandbox(t, "unix", {
      limits: { maxFileBytes: 1_000, maxJsonBytes: 1_000 },
    });
    assert.equal(await client.fs.write("f", new Uint8Array(1_000)), 1_000);
    const tooLarge = (error: unknown) =>
      isErrorCode(error, "sandbox", "invalid_request") && error.statusCode === 413;
    await assert.rejects(client.fs.write("f", new Uint8Array(1_001)), tooLarge);
    assert.equal((await client.fs.stat("f")).size, 1_000);
    const run = async (bytes: number) => {
      const body = '{"command":"true"}'.padEnd(bytes, " ");
      const headers = { "content-type": "application/json" };
      return (await fetch(`${url}/v1/processes/run`, { method: "POST", headers, body })).status;
    };
    assert.equal(await run(1_000), 200);
    assert.equal(await run(1_001), 413);
  });

  test("a body without content-length is rejected as soon as it is too long, and the response arrives", async (t) => {
    const { url } = await startSandbox(t, "tcp", { limits: { maxJsonBytes: 1_000 }, unsafeNoToken: true });
    const outgoing = request(`${url}/v1/processes/run`, {
      method: "POST",
      headers: { "content-type": "application/json" },
    });
    const answered = once(outgoing, "response");
    // The request never ends: the response does not wait for the rest.
    outgoing.write(" ".repeat(600));
    outgoing.write(" ".repeat(600));
    const [response] = await answered;
    assert.equal(response.statusCode, 413);
    outgoing.on("error", () => {}).destroy();
  });

  test("any server id works, with slashes, spaces and emoji", async (t) => {
    const sandbox = await startSandbox(t);
    const serverId = "a/b c?d#e%2F🦉";
    const session = await openSession(sandbox, { serverId });
    assert.deepEqual(
      (await sandbox.client.listAcpServers()).map((server) => [server.serverId, server.agent]),
      [[serverId, "demo"]],
    );
    const conflicting = sandbox.client.acp(serverId, { agent: "codex" });
    sandbox.connections.add(conflicting);
    await assert.rejects(conflicting.notify("x", {}), (error) => isErrorCode(error, "sandbox", "conflict"));
    await session.acp.close();
  });

  test("a stream opened before its agent exists waits for it", async (t) => {
    const sandbox = await startSandbox(t);
    const stream = sandbox.fetch(`${sandbox.url}/v1/acp/early`, { headers: { accept: "text/event-stream" } });
    await openSession(sandbox, { serverId: "early" });
    const response = await stream;
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body?.getReader();
    const first = new TextDecoder().decode((await reader?.read())?.value);
    assert.match(first, /^event: message\nid: 1\ndata: \{.*"protocolVersion":1.*\}\n\n/);
    await reader?.cancel();
  });

  test("a stream resumes after Last-Event-ID, and sends heartbeats while idle", async (t) => {
    const sandbox = await startSandbox(t, "unix", { limits: { heartbeatMs: 50 } });
    await openSession(sandbox);
    const read = async (after?: number) => {
      const headers = after === undefined ? {} : { "last-event-id": String(after) };
      const response = await sandbox.fetch(`${sandbox.url}/v1/acp/s1`, { headers });
      let text = "";
      for await (const chunk of response.body ?? []) {
        text += new TextDecoder().decode(chunk);
        if (text.includes(": heartbeat\n\n")) break;
      }
      return [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    };
    assert.deepEqual(await read(), [1, 2]);
    assert.deepEqual(await read(1), [2]);
    assert.deepEqual(await read(2), []);
    assert.deepEqual(await read(1_000), []);
  });
});

describe("authorization of callers", () => {
  test("every known route requires the token; the scheme is case-insensitive", async (t) => {
    const server = await createSandboxServer({
      listen: { host: "127.0.0.1", port: 0 },
      home: await temporary(t),
    });
    t.after(() => server.close());
    const { url = "", token = "" } = server;
    assert.ok(token.length >= 32, "one was made");
    const status = async (path: string, authorization?: string) =>
      (await fetch(url + path, authorization === undefined ? {} : { headers: { authorization } })).status;
    assert.equal(await status("/v1/health"), 401);
    assert.equal(await status("/v1/health", "Bearer wrong"), 401);
    assert.equal(await status("/v1/health", `Bearer ${token}x`), 401);
    assert.equal(await status("/v1/health", token), 401);
    assert.equal(await status(`/v1/health?access_token=${token}`), 401);
    assert.equal(await status("/v1/health", `Bearer ${token}`), 200);
    assert.equal(await status("/v1/health", `bearer ${token}`), 200);
    assert.equal(await status("/v1/unknown"), 404);
    assert.equal(await status("/"), 200);
    await assert.rejects(SandboxClient.connect({ baseUrl: url }), (error) =>
      isErrorCode(error, "sandbox", "token_invalid"),
    );
  });

  test("a foreign Host or Origin is rejected, a configured one is accepted", async (t) => {
    const server = await createSandboxServer({
      listen: { host: "127.0.0.1", port: 0 },
      home: await temporary(t),
      token: "t",
      allowedHosts: ["box.example"],
      allowedOrigins: ["https://app.example"],
    });
    t.after(() => server.close());
    const { port } = new URL(server.url ?? "");
    const call = (headers: Record<string, string>) =>
      new Promise<{ status: number | undefined; allow: string | undefined }>((resolve, reject) => {
        const outgoing = request({
          port,
          path: "/v1/health",
          headers: { authorization: "Bearer t", ...headers },
        });
        outgoing.once("response", (response) => {
          response.resume();
          resolve({ status: response.statusCode, allow: response.headers["access-control-allow-origin"] });
        });
        outgoing.once("error", reject);
        outgoing.end();
      });
    assert.equal((await call({ host: "evil.example" })).status, 403);
    assert.equal((await call({ host: "localhost:1" })).status, 200);
    assert.equal((await call({ host: "[::1]:1" })).status, 200);
    assert.equal((await call({ host: "box.example" })).status, 200);
    assert.equal((await call({ origin: "https://evil.example" })).status, 403);
    assert.equal((await call({ origin: "null" })).status, 403);
    const allowed = await call({ origin: "https://app.example" });
    assert.deepEqual(allowed, { status: 200, allow: "https://app.example" });
    assert.equal((await call({ host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` })).status, 200);
  });

  test("listens on loopback only by default, and never on a port or socket in use", async (t) => {
    const home = await temporary(t);
    await assert.rejects(createSandboxServer({ listen: { host: "0.0.0.0", port: 0 }, home }), (error) =>
      isErrorCode(error, "sandbox", "remote_not_allowed"),
    );
    const tcp = await createSandboxServer({ listen: { host: "127.0.0.1", port: 0 }, home });
    t.after(() => tcp.close());
    const port = Number(new URL(tcp.url ?? "").port);
    await assert.rejects(createSandboxServer({ listen: { host: "127.0.0.1", port }, home }), (error) =>
      isErrorCode(error, "sandbox", "address_in_use"),
    );
    const path = join(home, "server.sock");
    const unix = await createSandboxServer({ listen: { unix: path }, home });
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await assert.rejects(createSandboxServer({ listen: { unix: path }, home }), (error) =>
      isErrorCode(error, "sandbox", "address_in_use"),
    );
    await unix.close();
    await symlink("/nowhere", path).catch(() => {});
    const again = await createSandboxServer({ listen: { unix: path }, home });
    await again.close();
    const file = join(home, "notes.txt");
    await writeFile(file, "mine");
    await assert.rejects(createSandboxServer({ listen: { unix: file }, home }), (error) =>
      isErrorCode(error, "sandbox", "address_in_use"),
    );
    assert.equal(await readFile(file, "utf8"), "mine");
  });

  test("the socket of a busy server is not replaced", async (t) => {
    const home = await temporary(t);
    const path = join(home, "server.sock");
    const busy = spawn(process.execPath, ["-e", listensAndSleeps, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => busy.kill("SIGKILL"));
    await once(busy.stdout, "data");
    const before = (await stat(path)).ino;
    while ((await codeOfConnecting(path)) === undefined);
    await assert.rejects(createSandboxServer({ listen: { unix: path }, home }), (error) =>
      isErrorCode(error, "sandbox", "address_in_use"),
    );
    assert.equal((await stat(path)).ino, before);
  });

  test("an incomplete request does not prevent the server from closing", async (t) => {
    const server = await createSandboxServer({
      listen: { host: "127.0.0.1", port: 0 },
      home: await temporary(t),
    });
    const { port } = new URL(server.url ?? "");
    const socket = connect(Number(port), "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    socket.write("POST /v1/processes/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
    socket.on("error", () => {});
    await server.close();
    await server.close();
    socket.destroy();
  });
});
