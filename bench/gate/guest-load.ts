import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Gate } from "@holdfast/gate";

export interface LoadRound {
  readonly calls: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface GuestLoad {
  round(inFlight: number, durationMs: number): Promise<LoadRound>;
  stop(): Promise<void>;
}

/** Load generator inside the jail: keeps a number of calls in flight and checks every answer. */
const program = `
const zmq = require("/opt/node_modules/zeromq");
const socket = new zmq.Dealer({ linger: 0, sendHighWaterMark: 100000, receiveHighWaterMark: 100000 });
socket.connect("ipc://" + process.env.HOLDFAST_GATE + "/request.sock");
let round;
let next = 0;
const outbox = [];
let sending = false;
async function flush() {
  if (sending) return;
  sending = true;
  while (outbox.length > 0) await socket.send(["", outbox.shift()]);
  sending = false;
}
function call() {
  const correlation = (next++).toString(36);
  round.sentAt.set(correlation, performance.now());
  outbox.push('{"topic":"tool.invoke.echo","correlation":"' + correlation + '","arguments":{"text":"hello"}}');
  flush();
}
(async () => {
  for await (const [, answer] of socket) {
    const { correlation, payload } = JSON.parse(answer.toString());
    if (payload.result?.echoed !== "hello") throw new Error(answer.toString());
    const now = performance.now();
    round.latencies.push(now - round.sentAt.get(correlation));
    round.sentAt.delete(correlation);
    if (now < round.stopAt) call();
    else if (round.sentAt.size === 0) {
      const sorted = Float64Array.from(round.latencies).sort();
      const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
      const seconds = (now - round.startedAt) / 1000;
      const told = { calls: sorted.length, perSecond: sorted.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
      process.stdout.write(JSON.stringify(told) + "\\n");
    }
  }
})();
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { inFlight, durationMs } = JSON.parse(line);
  const startedAt = performance.now();
  round = { startedAt, stopAt: startedAt + durationMs, latencies: [], sentAt: new Map() };
  for (let n = 0; n < inFlight; n++) call();
});
`;

function packageMount(name: string) {
  const require = createRequire(import.meta.resolve("@holdfast/gate"));
  const found = (require.resolve.paths(name) ?? []).map((folder) => join(folder, name)).find(existsSync);
  if (found === undefined) throw new Error(`${name} is not installed`);
  return { source: found, target: `/opt/node_modules/${name}`, mode: "ro" } as const;
}

/** Load generator in a real jail. */
export async function guestLoad(gate: Gate, directory: string, target: string): Promise<GuestLoad> {
  const jail = await gate.jails.start({
    id: "bench",
    command: "/opt/node",
    args: ["-e", program],
    cwd: "/",
    env: { HOLDFAST_GATE: target },
    mounts: [
      { source: realpathSync(process.execPath), target: "/opt/node", mode: "ro" },
      packageMount("zeromq"),
      packageMount("cmake-ts"),
      { source: directory, target, mode: "ro" },
    ],
    network: "none",
  });
  jail.stderr.pipe(process.stderr);
  const lines = createInterface({ input: jail.stdout })[Symbol.asyncIterator]();
  return {
    async round(inFlight, durationMs) {
      jail.stdin.write(`${JSON.stringify({ inFlight, durationMs })}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error("the caller in the jail has ended");
      return JSON.parse(value) as LoadRound;
    },
    async stop() {
      await jail.stop({ graceMs: 0 });
    },
  };
}
