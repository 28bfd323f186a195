/**
 * Process that owns the sockets of one jail: `endpoint-process.ts DIRECTORY`, with the channel to the host at
 * descriptor 3. An attack on a socket affects this process only. It has no secrets and decides only which processes
 * may connect.
 */
import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { join } from "node:path";
import { endpointLimits } from "../broker-limits.ts";
import { wireSockets } from "../messages/wire.ts";
import {
  type EndpointProblem,
  FrameReader,
  frameKinds,
  type PeerRule,
  packJson,
  unpackRouted,
} from "./channel.ts";
import { GuardedSockets } from "./guarded-sockets.ts";

const [directory = ""] = process.argv.slice(2);
// The host handles Ctrl-C in its terminal; this process ends with the channel.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

const channel = new Socket({ fd: 3 });
channel.on("error", () => process.exit(0));
channel.on("close", () => process.exit(0));
channel.on("end", () => process.exit(0));

/** Resolves when the host can take more. Until then, nothing is read from the jail. */
async function send(frame: Buffer): Promise<void> {
  if (!channel.write(frame)) await new Promise((resolve) => channel.once("drain", resolve));
}

let ending = false;

/** Reports the reason to the host and exits, which frees libzmq's memory. The host starts another process. */
function restart(why: EndpointProblem): void {
  if (ending) return;
  ending = true;
  channel.write(packJson(frameKinds.problem, why), () => process.exit(1));
}

const sockets = new GuardedSockets({
  requestAddress: `ipc://${join(directory, wireSockets.request)}`,
  eventsAddress: `ipc://${join(directory, wireSockets.events)}`,
  send,
  restart,
});

const reader = new FrameReader((kind, body) => {
  switch (kind) {
    case frameKinds.peers:
      sockets.setRule(JSON.parse(body.toString("utf8")) as PeerRule);
      break;
    case frameKinds.answer:
      sockets.answer(unpackRouted(body));
      break;
    case frameKinds.event: {
      const { id, bytes } = unpackRouted(body);
      sockets.publish(id, bytes);
      break;
    }
    default:
      throw new Error(`a frame of kind ${kind}`);
  }
});
channel.on("data", (chunk) => reader.push(chunk));

await sockets.open();

// libzmq buffers the parts of an endless message outside its own limits.
const least = process.memoryUsage.rss();
setInterval(() => {
  const grown = process.memoryUsage.rss() - least;
  if (grown < endpointLimits.maxGrowthBytes) return;
  restart({ problem: "memory", detail: `${grown} bytes more than at its start` });
}, endpointLimits.memoryCheckMs);

await send(packJson(frameKinds.ready, {}));
// The host ends this process with SIGKILL, before which nothing else writes what was compiled.
flushCompileCache();
