/** A process that holds many WebSockets and tells when all of them have got some events. */
import { randomBytes } from "node:crypto";
import { wallMs } from "./clock.ts";
import { arrayLength, frameSize, openSocket, webSocketFrame } from "./load.ts";

export interface SubscribeJob {
  readonly type: "subscribe";
  readonly port: number;
  readonly path: string;
  readonly sockets: number;
  /** Where given, sockets speak this protocol: the server sends one message first. */
  readonly protocol?: string;
  /** What each socket sends to get the events, in base64. */
  readonly subscribe?: string;
}

export interface ExpectJob {
  readonly type: "expect";
  /** How many events each socket will get. */
  readonly events: number;
}

/** An empty frame, masked with zeros. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

let missing = 0;

/**
 * Looks for messages without sleeping until all are there. A process that sleeps is woken by the one that
 * writes, which pays for it (half of a write again), and whether it falls asleep between two writes is luck.
 */
function stayAwake(): void {
  if (missing > 0) setImmediate(stayAwake);
}

function received(count: number): void {
  missing -= count;
  if (missing === 0) process.send?.({ at: wallMs() });
  if (missing < 0) throw new Error("there were more events than expected");
}

async function subscribe(job: SubscribeJob): Promise<void> {
  const socket = await openSocket(job.port);
  const protocol = job.protocol === undefined ? "" : `sec-websocket-protocol: ${job.protocol}\r\n`;
  socket.write(
    `GET ${job.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString("base64")}\r\n${protocol}\r\n`,
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  let greetings = job.protocol === undefined ? 0 : 1;
  let isOpen = false;
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!isOpen) {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!rest.toString("latin1", 0, 12).endsWith("101")) throw new Error(rest.toString("latin1"));
      rest = rest.subarray(end + 4);
      isOpen = true;
      if (greetings === 0) resolve();
    }
    let events = 0;
    let at = 0;
    for (;;) {
      const left = at === 0 ? rest : rest.subarray(at);
      const size = frameSize(left);
      if (size === undefined) break;
      at += size;
      const opcode = (left[0] ?? 0) & 0x0f;
      if (opcode === 8) throw new Error(`closed: ${left.toString("latin1")}`);
      if (opcode === 9) {
        socket.write(pong);
        continue;
      }
      if (greetings > 0) {
        greetings--;
        resolve();
      } else if (job.protocol === undefined) {
        events++;
      } else {
        events += arrayLength(left.subarray((left[1] ?? 0) === 126 ? 4 : 2, size));
      }
    }
    rest = rest.subarray(at);
    if (events > 0) received(events);
  });
  await promise;
  if (job.subscribe !== undefined) socket.write(webSocketFrame(Buffer.from(job.subscribe, "base64")));
}

let sockets = 0;

// A parent that died expects nothing more.
process.on("disconnect", () => process.exit(0));
process.on("message", (job: SubscribeJob | ExpectJob) => {
  if (job.type === "expect") {
    missing = job.events * sockets;
    stayAwake();
    process.send?.({ expecting: missing });
    return;
  }
  void (async () => {
    for (let n = 0; n < job.sockets; n++) await subscribe(job);
    sockets = job.sockets;
    process.send?.({ sockets });
  })();
});
