/** The stream of a small screen: viewers by WebRTC (the library on both ends) and by frames. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import sharp from "sharp";
import { RTCPeerConnection, useVP8 } from "werift";
import { WebSocket } from "ws";
import { startSandbox, temporary, until } from "../harness.ts";
import { DesktopApi } from "./desktop-api.ts";

interface Message {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: the tests check what they read.
  readonly payload: any;
}

/** One viewer on the WebSocket, as a client of the protocol is. */
class TestViewer {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  readonly frames: Buffer[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  acknowledges = true;

  constructor(url: string, query = "") {
    this.socket = new WebSocket(`${url}/v1/desktop/stream/signaling${query}`);
    this.closed = once(this.socket, "close").then(([code, reason]) => ({ code, reason: String(reason) }));
    this.socket.on("message", (data: Buffer, isBinary) => {
      if (!isBinary) {
        this.messages.push(JSON.parse(String(data)));
        return;
      }
      this.frames.push(data);
      if (this.acknowledges) this.send("frames/ack");
    });
  }

  send(event: string, payload: object = {}): void {
    this.socket.send(JSON.stringify({ event, payload }));
  }

  async receives(event: string): Promise<Message["payload"]> {
    await until(`${event} arrives`, () => this.messages.some((message) => message.event === event));
    return this.messages.find((message) => message.event === event)?.payload;
  }

  async framesAfter(count: number): Promise<void> {
    await until("frames arrive", () => this.frames.length > count);
  }
}

/** Encodes input: an opcode, the length of its 4 bytes, and the value. */
function input(opcode: number, value: number): Buffer {
  const message = Buffer.from([opcode, 0, 4, 0, 0, 0, 0]);
  message.writeUInt32BE(value, 3);
  return message;
}

const at = (x: number, y: number) => input(1, x * 65_536 + y);

async function startDesktop(t: TestContext, options: Parameters<typeof DesktopApi.start>[1] = {}) {
  const api = new DesktopApi(await startSandbox(t, "tcp", { unsafeNoToken: true, ...options }));
  const url = api.sandbox.url.replace("http", "ws");
  return { api, url, read: (name: string) => readFile(join(api.sandbox.work, name), "utf8").catch(() => "") };
}

test("the stream of a desktop", { timeout: 120_000 }, async (t) => {
  const { api, url, read } = await startDesktop(t, { limits: { maxDesktopViewers: 8 } });
  const opened: TestViewer[] = [];
  const open = (query = "") => {
    const viewer = new TestViewer(url, query);
    opened.push(viewer);
    return viewer;
  };
  const within = (name: string, run: () => Promise<void>) =>
    t.test(name, async () => {
      try {
        await run();
      } finally {
        // Otherwise they count against the limit of the next case.
        for (const { socket } of opened.splice(0)) socket.terminate();
        await until("the stream has ended", async () => !(await api.get("stream/status")).active);
      }
    });

  await within("is not there without a desktop, and says so", async () => {
    assert.deepEqual(await api.get("stream/status"), { active: false });
    assert.deepEqual(await api.post("stream/stop"), { active: false });
    assert.equal((await api.post("stream/start", {}, 409)).code, "conflict");
    const viewer = open();
    assert.deepEqual(await viewer.closed, { code: 1008, reason: "sandbox.conflict" });
    assert.match((await viewer.receives("system/disconnect")).message, /not active/);
  });

  await within("runs from its start to its stop", async () => {
    await api.post("start", { width: 641, height: 481, streamFrameRate: 10 });
    const { active, processId } = await api.post("stream/start");
    assert.equal(active, true);
    assert.deepEqual(await api.post("stream/start"), { active, processId });
    assert.deepEqual(await api.get("stream/status"), { active, processId });
    assert.deepEqual(await api.post("stream/stop"), { active: false });
    const listed = await api.sandbox.fetch(`${api.sandbox.url}/v1/processes/${processId}`);
    assert.equal(((await listed.json()) as { status: string }).status, "exited");
  });

  await within("sends frames as the screen changes, and takes input", async () => {
    await api.terminal(
      "printf '\\033[?1002h'; stty -icanon -echo; printf ready > ready.txt; exec cat > in.txt",
    );
    await until("the terminal listens", async () => (await read("ready.txt")) === "ready");
    const viewer = open();
    const { screen_size: size, transports, viewOnly } = await viewer.receives("system/init");
    assert.deepEqual(size, { width: 641, height: 481, rate: 10 });
    assert.deepEqual([transports, viewOnly], [["webrtc", "frames"], false]);
    viewer.send("frames/request");
    await viewer.framesAfter(0);
    assert.equal((await api.get("stream/status")).active, true);
    const { format, width, height } = await sharp(viewer.frames[0]).metadata();
    assert.deepEqual([format, width, height], ["jpeg", 641, 481]);
    const { x, y } = (await api.get("windows")).windows[0];
    for (const message of [at(x + 50, y + 50), input(5, 1), input(6, 1)]) viewer.socket.send(message);
    // 32 is the press of the left button, 35 a release.
    await until("the click has arrived", async () => /^.\[M ...\[M#..$/s.test(await read("in.txt")));
    // Shift is a key of its own; the same character on another level of this keyboard arrives too.
    for (const [keysym, down] of [
      ...[
        [0x61, 3],
        [0x61, 4],
        [0xffe1, 3],
        [0x42, 3],
        [0x42, 4],
        [0x2f, 3],
        [0x2f, 4],
        [0xffe1, 4],
      ],
      ...[
        [0x3f, 3],
        [0x3f, 4],
        [0x0100_20ac, 3],
        [0x0100_20ac, 4],
      ],
    ] as const) {
      viewer.socket.send(input(down, keysym));
    }
    await until("the keys have arrived", async () => (await read("in.txt")).endsWith("€"));
    assert.match(await read("in.txt"), /aB\/\?€$/);
    const wheel = Buffer.from([2, 0, 5, 0, 0, 0, 60, 0]);
    viewer.socket.send(wheel);
    viewer.socket.send(wheel);
    // Two times 60 pixels are one click of the wheel, button 5.
    await until("the wheel has turned", async () => /.\[Ma..$/s.test(await read("in.txt")));
    const before = viewer.frames.length;
    viewer.acknowledges = false;
    for (let step = 0; step < 40; step += 1) {
      await api.post("mouse/move", { x: 300 + step, y: 300 });
    }
    assert.ok(viewer.frames.length <= before + 2, `${viewer.frames.length - before} frames unacknowledged`);
    // It leaves with a button and a key held down.
    viewer.socket.send(input(5, 1));
    viewer.socket.send(input(3, 0xffe1));
    viewer.socket.send(input(3, 0x63));
    await until("it holds them", async () => (await read("in.txt")).endsWith("C"));
    viewer.socket.terminate();
    await until("the stream ends with its last viewer", async () => !(await api.get("stream/status")).active);
    const typed = (await read("in.txt")).length;
    await api.post("keyboard/press", { key: "d" });
    await until("the key arrives", async () => (await read("in.txt")).length > typed);
    assert.match(await read("in.txt"), /d$/, "Shift was still held");
  });

  await within("reaches a viewer by WebRTC, the second one as well, from the same ffmpeg", async () => {
    await api.terminal("while :; do date; sleep 0.1; done");
    const viewers = [await watch(open()), await watch(open())];
    for (const viewer of viewers) await until("video arrives", () => viewer.packets() > 20);
    const listed = await api.sandbox.fetch(`${api.sandbox.url}/v1/processes?owner=desktop`);
    const { processes } = (await listed.json()) as { processes: { command: string; status: string }[] };
    const encoders = processes.filter(
      ({ command, status }) => command.endsWith("ffmpeg") && status === "running",
    );
    assert.equal(encoders.length, 1);
    viewers[0]?.channel.send(at(12, 34));
    await until("the pointer has moved", async () => (await api.get("mouse/position")).x === 12);
    for (const viewer of viewers) await viewer.close();
  });

  await within("ignores the input of who may only look", async () => {
    const viewer = open("?viewOnly=true");
    assert.equal((await viewer.receives("system/init")).viewOnly, true);
    await api.post("mouse/move", { x: 5, y: 5 });
    viewer.socket.send(at(100, 100));
    viewer.send("frames/request");
    await viewer.framesAfter(0);
    assert.equal((await api.get("mouse/position")).x, 5);
    viewer.socket.close();
    const odd = open("?viewOnly=perhaps");
    assert.deepEqual(await odd.closed, { code: 1008, reason: "sandbox.invalid_request" });
  });

  await within("disconnects who sends garbage, with the reason, and nobody else", async () => {
    const watcher = open();
    await watcher.receives("system/init");
    watcher.send("frames/request");
    const garbage: readonly (readonly [string | Buffer, RegExp])[] = [
      ["{", /not JSON/],
      ["[]", /JSON object/],
      ['{"event":"signal/answer","payload":{}}', /no sdp/],
      ['{"event":"signal/answer","payload":{"sdp":"m=video 9 x"}}', /before an offer/],
      [Buffer.from([9, 0, 0]), /malformed/],
    ];
    for (const [message, reason] of garbage) {
      const viewer = open();
      await viewer.receives("system/init");
      viewer.send("unknown/event", { any: "thing" });
      viewer.socket.send(message);
      assert.match((await viewer.receives("system/disconnect")).message, reason);
      assert.equal((await viewer.closed).code, 1008);
    }
    const answering = open();
    await answering.receives("system/init");
    answering.send("signal/request");
    await answering.receives("signal/provide");
    answering.send("signal/answer", { sdp: "m=video 0 x" });
    assert.match((await answering.receives("system/disconnect")).message, /another streamVideoCodec/);
    assert.equal(watcher.socket.readyState, WebSocket.OPEN);
  });

  await within("refuses a hundred viewers at once beyond its limit", async () => {
    const viewers = Array.from({ length: 100 }, () => open());
    const refused = Promise.all(viewers.map(({ closed }) => closed));
    await until("92 are refused", () => viewers.filter(({ messages }) => isRefused(messages)).length >= 92);
    const admitted = viewers.filter(({ messages }) => messages[0]?.event === "system/init").length;
    assert.ok(admitted > 0 && admitted <= 8, `${admitted} were admitted`);
    for (const { socket } of viewers) socket.close();
    assert.equal((await refused).filter(({ code }) => code === 1008).length, 100 - admitted);
    await until("a place is free again", async () => {
      const viewer = open();
      await until("it is answered", () => viewer.messages.length > 0);
      return viewer.messages[0]?.event === "system/init";
    });
  });

  await within("tells its viewers when ffmpeg ends, and starts again", async () => {
    const viewer = open();
    await viewer.receives("system/init");
    viewer.send("frames/request");
    await viewer.framesAfter(0);
    const { processId } = await api.get("stream/status");
    await api.sandbox.fetch(`${api.sandbox.url}/v1/processes/${processId}/kill`, { method: "POST" });
    assert.match((await viewer.receives("system/disconnect")).message, /ffmpeg ended/);
    assert.equal((await viewer.closed).code, 1011);
    assert.equal((await api.post("stream/start")).active, true);
    await api.post("stream/stop");
  });

  await within("tells its viewers when the display dies", async () => {
    const viewer = open();
    await viewer.receives("system/init");
    viewer.send("frames/request");
    await viewer.framesAfter(0);
    const { processes } = await api.get("status");
    process.kill(processes[0].pid, "SIGKILL");
    await viewer.receives("system/disconnect");
    await viewer.closed;
    await until("the loss is seen", async () => (await api.get("status")).state === "failed");
    assert.deepEqual(await api.get("stream/status"), { active: false });
  });
});

function isRefused(messages: readonly Message[]): boolean {
  return messages.some(
    ({ event, payload }) => event === "system/disconnect" && /8 viewers/.test(payload.message),
  );
}

/** A viewer by WebRTC, which counts the packets of video. */
async function watch(viewer: TestViewer) {
  await viewer.receives("system/init");
  viewer.send("control/request");
  viewer.send("signal/request", { video: {}, audio: {} });
  const { sdp, iceservers } = await viewer.receives("signal/provide");
  assert.deepEqual(iceservers, []);
  const connection = new RTCPeerConnection({
    codecs: { video: [useVP8()] },
    iceServers: [],
    iceAdditionalHostAddresses: ["127.0.0.1"],
  });
  let packets = 0;
  connection.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe(() => {
      packets += 1;
    });
  });
  const channels = Promise.withResolvers<{ send(data: Buffer): void }>();
  connection.onDataChannel.subscribe((channel) => channels.resolve(channel));
  await connection.setRemoteDescription({ type: "offer", sdp });
  await connection.setLocalDescription(await connection.createAnswer());
  viewer.send("signal/answer", { sdp: connection.localDescription?.sdp ?? "" });
  const channel = await channels.promise;
  return {
    channel,
    packets: () => packets,
    close: () => connection.close(),
  };
}

test("without ffmpeg there is no stream, and the answer names the command that installs it", async (t) => {
  const programs = await temporary(t);
  for (const program of ["Xvfb", "openbox"]) await symlink(`/usr/bin/${program}`, join(programs, program));
  const { api, url } = await startDesktop(t, { env: { PATH: programs } });
  await api.post("start", { width: 100, height: 100 });
  const refused = await api.post("stream/start", {}, 503);
  assert.deepEqual([refused.code, refused.missingDependencies], ["desktop_dependencies_missing", ["ffmpeg"]]);
  const viewer = new TestViewer(url);
  assert.deepEqual(await viewer.closed, { code: 1011, reason: "sandbox.desktop_dependencies_missing" });
  assert.match((await viewer.receives("system/disconnect")).message, /holdfast sandbox install desktop/);
});
