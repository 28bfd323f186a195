import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import type { SandboxServerOptions } from "@holdfast/sandbox";
import { WebSocket } from "ws";
import { field, startSandbox, type Transport, until } from "./harness.ts";
import { processApi } from "./processes-harness.ts";

/** Server that reports the headers it received, and echoes over a raw upgrade. */
const web = `
const { createServer } = require("node:http");
const { createHash } = require("node:crypto");
const server = createServer((request, response) => {
  response.setHeader("set-cookie", ["app=1; Domain=localhost; Path=/", "Holdfast_Preview=taken"]);
  request.pipe(response.writeHead(request.url === "/missing" ? 404 : 200, { "x-seen": JSON.stringify(request.headers) }));
});
server.on("upgrade", (request, socket) => {
  if (request.url === "/refused") return socket.end("HTTP/1.1 403 Forbidden\\r\\ncontent-length: 2\\r\\n\\r\\nno");
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nupgrade: websocket\\r\\nconnection: Upgrade\\r\\nsec-websocket-accept: " + accept + "\\r\\nset-cookie: app=2; Domain=localhost\\r\\nset-cookie: holdfast_preview=taken\\r\\n\\r\\n");
  socket.write(Buffer.from([0x81, 2, 0x68, 0x69]));
});
const [port = "0", host = "127.0.0.1"] = process.argv.slice(2);
server.listen(Number(port), host, () => console.log(server.address().port));
`;

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** Sends a request to the preview's listener with any Host. Names below localhost need no resolver. */
function call(
  url: URL,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = "",
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: url.port,
      method,
      path,
      headers: { host: url.host, ...headers },
    };
    const outgoing = httpRequest({ ...options, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function openPreview(t: TestContext, transport?: Transport, options?: Partial<SandboxServerOptions>) {
  const sandbox = await startSandbox(t, transport, options);
  const { create, output, request } = processApi(sandbox);
  await writeFile(join(sandbox.work, "web.cjs"), web);
  const id = await create({ command: process.execPath, args: ["web.cjs"] });
  await until("it listens", async () => /^\d+\n$/.test(await output(id)));
  const port = Number(await output(id));
  const answer = await request("POST", `/ports/${port}/preview`);
  assert.equal(answer.status, 200);
  return {
    sandbox,
    request,
    id,
    port,
    url: new URL(String(field(answer.body, "url"))),
    ticket: String(field(answer.body, "ticket")),
  };
}

test("a preview has its own origin, and opens with a single-use ticket", async (t) => {
  const { url, ticket, port } = await openPreview(t);
  assert.match(url.hostname, new RegExp(`^p${port}-[0-9a-f]{12}\\.localhost$`));
  assert.equal(url.hash, `#${ticket}`);
  assert.equal((await call(url, "GET", "/")).status, 401);
  assert.match((await call(url, "GET", "/", { accept: "text/html" })).text, /\.holdfast\/ticket/);
  assert.equal((await call(url, "POST", "/.holdfast/ticket", {}, "wrong")).status, 401);
  const admitted = await call(url, "POST", "/.holdfast/ticket", {}, ticket);
  assert.equal(admitted.status, 204);
  const set = admitted.headers["set-cookie"]?.[0] ?? "";
  assert.match(set, /^holdfast_preview=[\w-]{32}; HttpOnly; SameSite=Strict; Path=\/$/);
  assert.equal((await call(url, "POST", "/.holdfast/ticket", {}, ticket)).status, 401);
  const cookie = `mine=2; ${set.split(";", 1)[0]}`;
  const shown = await call(url, "POST", "/any?q=1", { cookie, "x-more": "yes" }, "body");
  assert.equal(shown.status, 200);
  assert.equal(shown.text, "body");
  // A cookie of the program stays on its own origin, and cannot replace the access cookie.
  assert.deepEqual(shown.headers["set-cookie"], ["app=1; Path=/"]);
  const seen: unknown = JSON.parse(String(shown.headers["x-seen"]));
  assert.equal(field(seen, "host"), `localhost:${port}`);
  assert.equal(field(seen, "cookie"), "mine=2");
  assert.equal(field(seen, "x-more"), "yes");
  assert.equal((await call(url, "GET", "/missing", { cookie })).status, 404);
  // The cookie is invalid under another name, so that no other page can use it.
  assert.equal((await call(url, "GET", "/", { cookie, host: `localhost:${url.port}` })).status, 404);

  const cookies: unknown[] = [];
  const attach = (origin: string, path = "/") => {
    const socket = new WebSocket(`ws://127.0.0.1:${url.port}${path}`, {
      headers: { host: url.host, cookie, origin },
    });
    t.after(() => socket.terminate());
    socket.once("upgrade", (response) => cookies.push(response.headers["set-cookie"]));
    return new Promise<string>((resolve) => {
      socket.once("message", (data) => resolve(String(data)));
      socket.once("error", (error) => resolve(error.message));
    });
  };
  assert.equal(await attach(url.origin), "hi");
  assert.deepEqual(cookies, [["app=2"]]);
  assert.match(await attach(url.origin, "/refused"), /403/);
  assert.match(await attach("http://elsewhere.localhost"), /401/);
});

test("only listening ports of managed processes can be previewed", async (t) => {
  const { url, ticket, id, port, request, sandbox } = await openPreview(t);
  assert.equal((await request("POST", "/ports/1/preview")).status, 404);
  assert.equal((await request("POST", "/ports/x/preview")).status, 404);
  const admitted = await call(url, "POST", "/.holdfast/ticket", {}, ticket);
  const cookie = admitted.headers["set-cookie"]?.[0]?.split(";", 1)[0] ?? "";
  await request("POST", `/processes/${id}/kill?waitMs=5000`);
  assert.equal((await call(url, "GET", "/", { cookie })).status, 502);
  assert.equal((await request("POST", `/ports/${port}/preview`)).status, 404);
  await sandbox.close();
  await assert.rejects(call(url, "GET", "/", { cookie }), { code: "ECONNREFUSED" });
});

test("a browser that disconnects during the ticket exchange does no harm", async (t) => {
  const { url, ticket, request } = await openPreview(t);
  const socket = connect(Number(url.port), "127.0.0.1");
  t.after(() => socket.destroy());
  const head = `POST /.holdfast/ticket HTTP/1.1\r\nhost: ${url.host}\r\ncontent-length: 100\r\n`;
  socket.write(`${head}expect: 100-continue\r\n\r\n`);
  // The server requests the rest once it waits for it.
  assert.match(String(await once(socket, "data")), /^HTTP\/1\.1 100 /);
  socket.write("half");
  socket.resetAndDestroy();
  assert.equal((await call(url, "POST", "/.holdfast/ticket", {}, ticket)).status, 204);
  assert.equal((await request("GET", "/health")).status, 200);
});

test("a preview follows its port to the address of the program that listens on it now", async (t) => {
  const { sandbox, id, port, request, url } = await openPreview(t);
  const { create, output } = processApi(sandbox);
  await request("POST", `/processes/${id}/kill?waitMs=5000`);
  const next = await create({ command: process.execPath, args: ["web.cjs", String(port), "127.0.0.2"] });
  await until("it listens", async () => (await output(next)) !== "");
  const { body } = await request("POST", `/ports/${port}/preview`);
  const again = new URL(String(field(body, "url")));
  assert.equal(again.host, url.host, "a page keeps its origin");
  const admitted = await call(again, "POST", "/.holdfast/ticket", {}, String(field(body, "ticket")));
  const cookie = admitted.headers["set-cookie"]?.[0]?.split(";", 1)[0] ?? "";
  assert.equal((await call(again, "GET", "/", { cookie })).status, 200);
});

test("a preview that failed for lack of sockets opens later", { timeout: 20_000 }, async () => {
  const program = `
    const { Previews } = await import(${JSON.stringify(new URL("../src/processes/supervision/preview.ts", import.meta.url))});
    const { closeSync, openSync } = await import("node:fs");
    const previews = new Previews();
    const taken = [];
    try { for (;;) taken.push(openSync("/dev/null")); } catch {}
    const refused = await previews.open(3000, "127.0.0.1").catch(({ code }) => code);
    for (const file of taken) closeSync(file);
    const { port } = await previews.open(3000, "127.0.0.1");
    console.log(refused, port);
    await previews.close();`;
  const limited = ['ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, program];
  const { stdout } = await promisify(execFile)("sh", ["-c", ...limited]);
  assert.equal(stdout, "EMFILE 3000\n");
});

test("a tunnel carries the bytes of a connection to a port that is listed, and to no other", async (t) => {
  const { sandbox, port } = await openPreview(t, "tcp", { unsafeNoToken: true });
  const address = (wanted: number) => `${sandbox.url.replace("http", "ws")}/v1/ports/${wanted}/tunnel`;
  const socket = new WebSocket(address(port));
  await once(socket, "open");
  let seen = "";
  socket.on("message", (data) => {
    seen += String(data);
  });
  socket.send(Buffer.from("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5\r\n\r\n"));
  socket.send(Buffer.from("hello"));
  await once(socket, "close");
  assert.match(seen, /^HTTP\/1\.1 200 [\s\S]*hello/);
  const refused = new WebSocket(address(1));
  const [, response] = (await once(refused, "unexpected-response")) as [unknown, IncomingMessage];
  assert.equal(response.statusCode, 404);
  response.destroy();
  refused.on("error", () => {});
  refused.terminate();
});
