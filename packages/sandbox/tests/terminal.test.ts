import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { field, type Sandbox, startSandbox, until } from "./harness.ts";
import { processApi } from "./processes-harness.ts";

const token = "terminal-token";

/** The server's own terminal has another type. */
async function start(t: TestContext): Promise<Sandbox> {
  return await startSandbox(t, "tcp", { token, env: { TERM: "dumb" } });
}

interface Viewer {
  readonly socket: WebSocket;
  readonly frames: unknown[];
  text(): string;
  send(frame: object): void;
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
}

async function attach(t: TestContext, { url }: Sandbox, id: string, query = ""): Promise<Viewer> {
  const address = `${url.replace("http", "ws")}/v1/processes/${id}/terminal/ws?access_token=${token}${query}`;
  const socket = new WebSocket(address);
  t.after(() => socket.terminate());
  const frames: unknown[] = [];
  const chunks: Buffer[] = [];
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) chunks.push(data);
    else frames.push(JSON.parse(data.toString()));
  });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("message", () => resolve());
  });
  return {
    socket,
    frames,
    text: () => Buffer.concat(chunks).toString(),
    send: (frame) => socket.send(JSON.stringify(frame)),
    closed,
  };
}

const cat = { command: "/bin/sh", args: ["-c", "stty -echo; echo begin; exec cat"], tty: true };

describe("terminals", () => {
  test("a program gets a terminal with type and size, and its exit closes the sockets", async (t) => {
    const sandbox = await start(t);
    const { create, info, output } = processApi(sandbox);
    const script = 'test -t 0 && test -t 1 && echo "$TERM"; stty size; tty; read x; stty size; exit 5';
    const id = await create({ command: "/bin/sh", args: ["-c", script], tty: true });
    const viewer = await attach(t, sandbox, id);
    assert.equal(field(viewer.frames[0], "type"), "ready");
    assert.equal(field(viewer.frames[0], "processId"), id);
    await until("it has printed its size and name", () => /24 80\r\n.*\r\n$/.test(viewer.text()));
    viewer.send({ type: "resize", cols: 132, rows: 50 });
    viewer.send({ type: "input", data: "\n" });
    assert.equal(await viewer.closed, 1005);
    assert.deepEqual(viewer.frames.slice(1), [{ type: "exit", exitCode: 5 }]);
    assert.match(viewer.text(), /^xterm-256color\r\n24 80\r\n\/dev\/pts\/\d+\r\n\r\n50 132\r\n$/);
    assert.equal(await output(id), viewer.text());
    assert.equal(field(await info(id), "exitCode"), 5);
    const typed = await create({
      command: "/bin/sh",
      args: ["-c", 'echo "$TERM"'],
      tty: true,
      env: { TERM: "vt100" },
    });
    await until("it has exited", async () => field(await info(typed), "status") === "exited");
    assert.equal(await output(typed), "vt100\r\n");
    const late = await attach(t, sandbox, id);
    await late.closed;
    assert.deepEqual(late.frames.slice(1), [{ type: "exit", exitCode: 5 }]);
    assert.equal(late.text(), viewer.text());
  });

  test("many viewers see the same output, each from its own offset", async (t) => {
    const sandbox = await start(t);
    const { create, request } = processApi(sandbox);
    const id = await create(cat);
    const first = await attach(t, sandbox, id);
    await until("it runs", () => first.text() === "begin\r\n");
    first.send({ type: "input", data: "one\n" });
    await until("one is echoed", () => first.text().includes("one\r\n"));
    const [again, from, end] = await Promise.all([
      attach(t, sandbox, id),
      attach(t, sandbox, id, "&offset=7"),
      attach(t, sandbox, id, "&offset=end"),
    ]);
    assert.equal(field(from.frames[0], "offset"), 7);
    assert.equal(field(end.frames[0], "offset"), 12);
    again.send({ type: "input", data: Buffer.from("two\n").toString("base64"), encoding: "base64" });
    await until("all see it", () =>
      [first, again, from, end].every((viewer) => viewer.text().endsWith("two\r\n")),
    );
    assert.equal(first.text(), "begin\r\none\r\ntwo\r\n");
    assert.equal(again.text(), first.text());
    assert.equal(from.text(), "one\r\ntwo\r\n");
    assert.equal(end.text(), "two\r\n");
    end.send({ type: "close" });
    await end.closed;
    const resize = (body: object) => request("POST", `/processes/${id}/terminal/resize`, body);
    assert.deepEqual(await resize({ cols: 100, rows: 30 }), { status: 200, body: { cols: 100, rows: 30 } });
    assert.deepEqual(await resize({ cols: 0, rows: 0 }), { status: 200, body: { cols: 0, rows: 0 } });
    assert.equal((await resize({ cols: 65_536, rows: 1 })).status, 422);
    assert.equal((await request("POST", `/processes/${id}/kill?waitMs=5000`)).status, 200);
    await first.closed;
    assert.deepEqual(first.frames.at(-1), { type: "exit", exitCode: null });
  });

  test("invalid frames get an error and change nothing", async (t) => {
    const sandbox = await start(t);
    const id = await processApi(sandbox).create(cat);
    const viewer = await attach(t, sandbox, id);
    viewer.socket.send(Buffer.from("binary"), { binary: true });
    viewer.socket.send("{");
    viewer.socket.send("[]");
    for (const frame of [
      { type: "shout" },
      { type: "input" },
      { type: "input", data: "x", encoding: "hex" },
      { type: "resize", cols: -1, rows: 1 },
      { type: "input", data: "x".repeat(65_537) },
    ]) {
      viewer.send(frame);
    }
    await until("all are answered", () => viewer.frames.length === 9);
    assert.ok(viewer.frames.slice(1).every((frame) => field(frame, "type") === "error"));
    assert.equal(field(viewer.frames[1], "message"), "binary input is not supported; use text JSON frames");
    viewer.send({ type: "input", data: "still here\n" });
    await until("it is echoed", () => viewer.text().endsWith("still here\r\n"));
  });

  test("a flood reaches a viewer completely, and a stalled viewer blocks nothing", async (t) => {
    const sandbox = await start(t);
    const { create, info } = processApi(sandbox);
    const script = "stty -onlcr -echo; printf go; read x; head -c 6000000 /dev/zero | tr '\\0' f; printf end";
    const id = await create({ command: "/bin/sh", args: ["-c", script], tty: true });
    const [reading, stuck] = await Promise.all([attach(t, sandbox, id), attach(t, sandbox, id)]);
    await until("it waits", () => reading.text() === "go");
    stuck.socket.pause();
    reading.send({ type: "input", data: "\n" });
    await reading.closed;
    assert.equal(field(await info(id), "status"), "exited");
    assert.equal(reading.text().length, "go".length + 6_000_000 + "end".length);
    stuck.socket.resume();
    await stuck.closed;
    assert.equal(stuck.text(), reading.text());
  });

  test("an unauthorized or invalid upgrade is rejected", async (t) => {
    const sandbox = await start(t);
    const { create } = processApi(sandbox);
    const plain = await create({ command: "sleep", args: ["60"] });
    const tty = await create(cat);
    const refusal = (id: string, query: string) => {
      const { hostname, port } = new URL(sandbox.url);
      return new Promise<number>((resolve, reject) => {
        const socket = connect(Number(port), hostname);
        socket.once("error", reject);
        socket.once("data", (bytes) => {
          socket.destroy();
          resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(bytes.toString())?.[1]));
        });
        socket.write(
          `GET /v1/processes/${id}/terminal/ws${query} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\n` +
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        );
      });
    };
    const authorised = `?access_token=${token}`;
    assert.equal(await refusal(tty, ""), 401);
    assert.equal(await refusal(tty, "?access_token=wrong"), 401);
    assert.equal(await refusal("none", authorised), 404);
    assert.equal(await refusal(plain, authorised), 409);
    assert.equal(await refusal(tty, `${authorised}&offset=-1`), 400);
    assert.equal(await refusal(tty, `${authorised}&offset=99999`), 400);
    assert.equal(await refusal(tty, authorised), 101);
  });
});
