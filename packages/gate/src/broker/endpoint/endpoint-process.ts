/**
 * The process that holds the sockets of one jail: `endpoint-process.ts DIRECTORY`, with the channel to
 * the host at descriptor 3. Whatever a jail does to a socket, it does to this process alone. It knows no
 * secret and takes no decision but who may connect.
 */
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
// Ctrl-C in the host's terminal is the host's to handle; this process ends with the channel.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

const channel = new Socket({ fd: 3 });
channel.on("error", () => process.exit(0));
channel.on("close", () => process.exit(0));
channel.on("end", () => process.exit(0));

/** Resolves when the host has room again: until then nothing more is read from the jail. */
async function send(frame: Buffer): Promise<void> {
  if (!channel.write(frame)) await new Promise((resolve) => channel.once("drain", resolve));
}

let ending = false;

/** Tells the host why, and ends: whatever libzmq held is gone, and the host starts another process. */
function startAnew(why: EndpointProblem): void {
  if (ending) return;
  ending = true;
  channel.write(packJson(frameKinds.problem, why), () => process.exit(1));
}

const sockets = new GuardedSockets({
  requestAddress: `ipc://${join(directory, wireSockets.request)}`,
  eventsAddress: `ipc://${join(directory, wireSockets.events)}`,
  send,
  startAnew,
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

// What a peer sends as parts of one endless message is held by libzmq, out of reach of its own limits.
const least = process.memoryUsage.rss();
setInterval(() => {
  const grown = process.memoryUsage.rss() - least;
  if (grown < endpointLimits.maxGrowthBytes) return;
  startAnew({ problem: "memory", detail: `${grown} bytes more than at start` });
}, endpointLimits.memoryCheckMs);

await send(packJson(frameKinds.ready, {}));
