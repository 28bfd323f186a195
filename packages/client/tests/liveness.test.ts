import assert from "node:assert/strict";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import {
  clientLimits,
  createClient,
  decodeClientMessage,
  joinFrames,
  prepareServerFrame,
  type SocketConstructor,
} from "../src/index.ts";

/** A WebSocket to a server that a test plays. */
class PlayedSocket {
  static readonly all: PlayedSocket[] = [];
  readyState = 1;
  binaryType = "";
  onmessage: ((event: { data: unknown }) => void) | undefined;
  onclose: ((event: { code: number; reason: string }) => void) | undefined;
  onerror: (() => void) | undefined;
  pings = 0;
  closedWith: number | undefined;

  constructor() {
    PlayedSocket.all.push(this);
  }

  send(data: string): void {
    for (const frame of decodeClientMessage("json", data)) if (frame.type === "ping") this.pings += 1;
  }

  close(code: number): void {
    this.closedWith = code;
    this.readyState = 3;
  }

  answer(...frames: Parameters<typeof prepareServerFrame>[1][]): void {
    this.onmessage?.({ data: joinFrames(frames.map((frame) => prepareServerFrame("json", frame))) });
  }
}

const resume = { token: "t", received: 0, resumed: false };
const init = { type: "init", version: 1, actorId: "a", connId: "c", resume } as const;

test("a client asks for signs of life as often as the server says, and gives a silent one up", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const system = systemPorts();
  const WebSocket = PlayedSocket as unknown as SocketConstructor;
  const client = createClient({ endpoint: "http://localhost:1", encoding: "json", WebSocket });
  t.after(() => client.dispose());
  const turn = (): Promise<void> => new Promise((resolve) => system.tasks.macrotask(resolve));
  const connection = client.getForId("counter", "a").connect();
  const statuses: string[] = [];
  void connection.onStatusChange((status: string) => void statuses.push(status));
  while (PlayedSocket.all.length === 0) await turn();
  const [socket] = PlayedSocket.all;
  assert.ok(socket);
  // Before the server has said how often, as often as the client thinks right.
  t.mock.timers.tick(clientLimits.heartbeatMs - 1);
  await turn();
  assert.equal(socket.pings, 0);
  socket.answer({ ...init, liveness: { intervalMs: 40, timeoutMs: 20 } });
  for (let round = 1; round <= 3; round++) {
    t.mock.timers.tick(39);
    await turn();
    assert.equal(socket.pings, round - 1);
    t.mock.timers.tick(1);
    await turn();
    assert.equal(socket.pings, round);
    socket.answer({ type: "pong" });
    t.mock.timers.tick(20);
    t.mock.timers.tick(0);
  }
  t.mock.timers.tick(40);
  await turn();
  t.mock.timers.tick(19);
  assert.equal(socket.closedWith, undefined);
  t.mock.timers.tick(1);
  assert.equal(socket.closedWith, 4001);
  assert.equal(statuses.at(-1), "disconnected");
});
