/** Caddy with the file of `deploy/vps` before a real server: TLS, live connections, streams, restarts, trust. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { freePort } from "@holdfast/testing/free-port";
import { removeAtExit } from "@holdfast/testing/scratch";
import { actor, event, setup } from "holdfast";
import { createClient } from "holdfast/client";
import { deploy, read } from "./files.ts";

const site = "holdfast.example.com";
const scratch = mkdtempSync(join(tmpdir(), "holdfast-caddy-"));
removeAtExit(scratch);

/** Calls that wait until the test lets them end. */
const gates = new Map<string, () => void>();

/** The response of `/parts`, which the test writes. */
const parts = new TransformStream<Uint8Array, Uint8Array>();
/** The first part of a request's body that the actor has. */
const arrived = Promise.withResolvers<string>();

const room = actor({
  state: { count: 0 },
  events: { said: event<string>() },
  actions: {
    add: (c, amount: number) => (c.state.count += amount),
    say: (c, line: string) => c.broadcast("said", line),
    wait: async (c, name: string) => {
      await new Promise<void>((resolve) => gates.set(name, resolve));
      return ++c.state.count;
    },
    open: (_c, name: string) => gates.get(name)?.(),
  },
  onRequest: async (_c, incoming) => {
    const { pathname } = new URL(incoming.url);
    if (pathname === "/headers") return Response.json([...incoming.headers]);
    if (pathname === "/parts") return new Response(parts.readable);
    let size = 0;
    for await (const chunk of incoming.body ?? []) {
      arrived.resolve(String.fromCharCode(...chunk));
      size += chunk.length;
    }
    return Response.json(size);
  },
});

function serve(data: string) {
  return setup({
    use: { room },
    dataDirectory: data,
    hosts: [site],
    noWelcome: true,
    store: undefined,
  });
}

let log = "";

/** Resolves when Caddy has logged the text. */
async function logged(child: ChildProcess, text: string, from = 0): Promise<void> {
  while (!log.includes(text, from)) {
    assert.equal(child.exitCode, null, log);
    assert.ok(child.stderr);
    await once(child.stderr, "data", { signal: AbortSignal.timeout(30_000) });
  }
}

async function startCaddy(port: number, upstream: number): Promise<ChildProcess> {
  const file = join(scratch, "Caddyfile");
  // Certificates of Caddy's own authority, and ports for a user; the sites are those of the file.
  const globals = `debug\nlocal_certs\nskip_install_trust\nadmin off\nhttp_port ${await freePort()}\nhttps_port ${port}\nstorage file_system ${scratch}/caddy`;
  writeFileSync(file, `{\n${globals}\n}\nimport ${deploy}vps/Caddyfile\n`);
  const child = spawn("caddy", ["run", "--config", file, "--adapter", "caddyfile"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...{ PATH: process.env["PATH"], HOME: scratch, XDG_CONFIG_HOME: scratch, XDG_DATA_HOME: scratch },
      ...{ SITE: `${site}, localhost`, UPSTREAM: `127.0.0.1:${upstream}` },
    },
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
  });
  for (const name of ["localhost", site])
    await logged(child, `obtained successfully","identifier":"${name}"`);
  return child;
}

const hasCaddy = spawnSync("caddy", ["version"]).status === 0;

describe("Caddy", { timeout: 60_000, skip: hasCaddy ? false : "needs caddy" }, () => {
  let caddy: ChildProcess;
  let upstream: number;
  let port: number;
  let url: string;
  let server: ReturnType<typeof serve>;
  const data = join(scratch, "data");
  const restart = async () => {
    server = serve(data);
    await server.listen({ port: upstream, host: "127.0.0.1" });
  };

  before(async () => {
    [upstream, port] = [await freePort(), await freePort()];
    await restart();
    caddy = await startCaddy(port, upstream);
    url = `https://localhost:${port}`;
    const authority = readFileSync(join(scratch, "caddy/pki/authorities/local/root.crt"), "utf8");
    setDefaultCACertificates([...getCACertificates("default"), authority]);
  });
  after(async () => {
    await server.shutdown();
    const ended = once(caddy, "exit");
    caddy.kill();
    await ended;
  });

  test("calls, events over WebSocket and server-sent events pass at once, while a long call runs", async () => {
    const client = createClient<typeof server>(url);
    const handle = client.room.getOrCreate("lobby");
    const connection = handle.connect();
    const heard = Promise.withResolvers<string>();
    connection.on("said", (line) => heard.resolve(line));
    await connection.ready;
    const events = await fetch(`${url}/actors/room/~lobby,/events?event=said`);
    assert.equal(events.headers.get("content-type")?.split(";")[0], "text/event-stream");
    const lines = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    // The call waits for one that comes later, and so does what else is in between.
    const long = handle.wait("lobby");
    await handle.say("hello");
    assert.equal(await heard.promise, "hello");
    let stream = "";
    while (!stream.includes('"hello"')) stream += (await lines?.read())?.value ?? assert.fail(stream);
    await lines?.cancel();
    await handle.open("lobby");
    assert.equal(await long, 1);
    await client.dispose();
  });

  test("bodies stream: each part passes before the next is sent", async () => {
    const answer = await fetch(`${url}/actors/room/~streams,/request/parts`);
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const writer = parts.writable.getWriter();
    for (const part of ["one", "two", "three"]) {
      void writer.write(new TextEncoder().encode(part));
      assert.equal((await reader?.read())?.value, part);
    }
    await writer.close();
    assert.equal((await reader?.read())?.done, true);
    const upload = request(`${url}/actors/room/~streams,/request/upload`, { method: "POST" });
    upload.write("one");
    assert.equal(await arrived.promise, "one");
    upload.end("two");
    const [received] = await once(upload, "response");
    assert.equal(await bodyOf(received), "6");
  });

  test("the site's name is served; headers about the client are Caddy's, not the client's", async () => {
    const call = request({
      ...{ host: "127.0.0.1", port, servername: site, path: "/actors/room/~headers,/request/headers" },
      headers: { host: site, "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "gopher" },
    }).end();
    const [answer] = await once(call, "response");
    assert.equal(answer.statusCode, 200);
    const headers = new Headers(JSON.parse(await bodyOf(answer)));
    assert.deepEqual(
      ["host", "x-forwarded-for", "x-forwarded-proto"].map((name) => headers.get(name)),
      [site, "127.0.0.1", "https"],
    );
  });

  test("who comes through Caddy is not on this machine, and may not manage", async () => {
    assert.equal((await fetch(`http://127.0.0.1:${upstream}/actors?name=room`)).status, 200);
    assert.equal((await fetch(`${url}/actors?name=room`)).status, 401);
  });

  test("a restart loses no call: running ones end, new ones reach the new process", async () => {
    const client = createClient<typeof server>(url);
    const handle = client.room.getOrCreate("restart");
    assert.equal(await handle.add(1), 1);
    const running = handle.wait("restart");
    while (!gates.has("restart")) await new Promise(setImmediate);
    const down = server.shutdown();
    gates.get("restart")?.();
    assert.equal(await running, 2);
    await down;
    // Sent while nothing listens: Caddy keeps what has no body until it can be sent, and clients repeat their calls.
    const before = log.length;
    const waiting = fetch(`${url}/actors/room/~restart,/request/headers`);
    await logged(caddy, "connect: connection refused", before);
    const refused = log.length;
    const call = handle.add(10);
    await logged(caddy, "actions/add", refused);
    await restart();
    assert.equal((await waiting).status, 200);
    assert.equal(await call, 12);
    await client.dispose();
  });

  test("no time limit of Caddy ends a connection", () => {
    const adapted = spawnSync("caddy", ["adapt", "--config", join(deploy, "vps/Caddyfile")], {
      encoding: "utf8",
    });
    assert.match(adapted.stdout, /reverse_proxy/);
    assert.doesNotMatch(adapted.stdout, /"(read|write|response_header|read_header|idle)_?timeout"/i);
    assert.match(read("vps/Caddyfile"), /lb_try_duration/);
  });
});

async function bodyOf(answer: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of answer.setEncoding("utf8")) body += chunk;
  return body;
}
