/** Process that holds many WebSockets and reports when all of them have received some events. */
import { randomBytes } from "node:crypto";
import { wallMs } from "./clock.ts";
import { arrayLength, frameSize, openSocket, webSocketFrame } from "./load.ts";

export interface SubscribeJob {
  readonly type: "subscribe";
  readonly port: number;
  readonly path: string;
  readonly sockets: number;
  /** WebSocket subprotocol. When set, the server sends one message first. */
  readonly protocol?: string;
  /** Message that subscribes a socket, in base64. */
  readonly subscribe?: string;
}

export interface ExpectJob {
  readonly type: "expect";
  /** Number of events that each socket will receive. */
  readonly events: number;
}

/** Empty frame with a mask of zeros. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

let missing = 0;

/**
 * Polls for messages without sleeping until all have arrived. The writer pays for waking a sleeping process (half of a
 * write again), and whether it falls asleep between two writes is luck.
 */
function stayAwake(): void {
  if (missing > 0) setImmediate(stayAwake);
}

function received(count: number): void {
  missing -= count;
  if (missing === 0) process.send?.({ at: wallMs() });
  if (missing < 0) throw new Error("more events than expected arrived");
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

// Exits when the parent died.
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
