/**
 * Load generator. Runs in its own process, so that it never shares a thread with its target. It speaks HTTP/1.1 and
 * WebSocket over bare sockets with prepared bytes, in the same way for every target, so that differences come from the
 * target.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

export interface LoadJob {
  readonly transport: "http" | "ws";
  readonly port: number;
  /** Paths of the callers: caller i uses `paths[i % paths.length]`. */
  readonly paths: readonly string[];
  readonly callers: number;
  /** Number of callers that share a WebSocket. Default: 1. */
  readonly callersPerSocket?: number;
  readonly durationMs: number;
  /** Whether each request uses a new path: `{n}` in the path is replaced. */
  readonly fresh?: boolean;
  /** WebSocket subprotocols. A Holdfast server sends one message first. */
  readonly protocols?: readonly string[];
  /** Message or body in base64, including its placeholders. */
  readonly payload: string;
  /** HTTP method. Default: POST. A GET has no payload. */
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly calls: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Placeholder of 32 bytes in payload or headers, replaced by a unique key in each request. */
export const keyMark = "K".repeat(32);
/** Placeholder of four bytes in a payload, replaced by the request's number. */
export const idMark = Buffer.from([0x7a, 0x7b, 0x7c, 0x7d]);

const run = randomBytes(8).toString("hex");
let sequence = 0;

interface Caller {
  /** Sends the next requests in one write. */
  send(count: number): void;
  close(): void;
}

/** Receives the number of replies in one read. */
type OnReply = (count: number) => void;

function stamp(bytes: Buffer, keyAt: number, idAt: number): void {
  sequence += 1;
  if (keyAt >= 0) bytes.write(`${run}${sequence.toString(16).padStart(16, "0")}`, keyAt, "latin1");
  // Between 2^16 and 2^31, so that the encoding keeps its width.
  if (idAt >= 0) bytes.writeUInt32BE(0x1_0000 + sequence, idAt);
}

function httpRequest(job: LoadJob, path: string): Buffer {
  const body = Buffer.from(job.payload, "base64");
  const headers = Object.entries(job.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
  const line = `${job.method ?? "POST"} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${headers.join("")}`;
  if (job.method === "GET") return Buffer.from(`${line}\r\n`, "latin1");
  const head = `${line}content-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

async function httpCaller(job: LoadJob, path: string, onReply: OnReply): Promise<Caller> {
  const socket = await openSocket(job.port);
  const template = httpRequest(job, path);
  const keyAt = template.indexOf(keyMark);
  let received: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = received.toString("latin1", 0, end);
    if (!head.startsWith("HTTP/1.1 200"))
      throw new Error(`unexpected answer: ${received.toString("latin1")}`);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? "0");
    if (received.length < end + 4 + length) return;
    received = Buffer.alloc(0);
    onReply(1);
  });
  return {
    send: () => {
      if (job.fresh === true) {
        sequence += 1;
        socket.write(httpRequest(job, path.replace("{n}", `${run}${sequence}`)));
        return;
      }
      stamp(template, keyAt, -1);
      socket.write(template);
    },
    close: () => socket.destroy(),
  };
}

/** WebSocket frame with a mask of zeros: the payload stays as it is, and the server unmasks it as usual. */
export function webSocketFrame(payload: Buffer): Buffer {
  if (payload.length >= 126) throw new Error("the load generator sends small messages only");
  return Buffer.concat([Buffer.from([0x82, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

async function webSocketCaller(job: LoadJob, path: string, onReply: OnReply): Promise<Caller> {
  const socket = await openSocket(job.port);
  const protocols =
    job.protocols === undefined ? "" : `sec-websocket-protocol: ${job.protocols.join(", ")}\r\n`;
  const key = randomBytes(16).toString("base64");
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n${protocols}\r\n`,
  );
  const frame = webSocketFrame(Buffer.from(job.payload, "base64"));
  const keyAt = frame.indexOf(keyMark);
  const idAt = frame.indexOf(idMark);
  const { promise, resolve } = Promise.withResolvers<void>();
  let open_ = false;
  let ready = false;
  let received: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (!open_) {
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!received.toString("latin1", 0, 12).endsWith("101")) throw new Error(received.toString("latin1"));
      received = received.subarray(end + 4);
      open_ = true;
      if (job.protocols === undefined) {
        ready = true;
        resolve();
      }
    }
    let replies = 0;
    for (;;) {
      const size = frameSize(received);
      if (size === undefined) break;
      const opcode = (received[0] ?? 0) & 0x0f;
      if (opcode === 8) throw new Error(`closed: ${received.toString("latin1")}`);
      const payload = received.subarray((received[1] ?? 0) === 126 ? 4 : 2, size);
      received = received.subarray(size);
      if (opcode === 9) continue;
      if (ready) {
        replies += job.protocols === undefined ? 1 : arrayLength(payload);
      } else {
        ready = true;
        resolve();
      }
    }
    if (replies > 0) onReply(replies);
  });
  await promise;
  return {
    send: (count) => {
      const frames = Array.from({ length: count }, () => {
        stamp(frame, keyAt, idAt);
        return Buffer.from(frame);
      });
      socket.write(Buffer.concat(frames));
    },
    close: () => socket.destroy(),
  };
}

/** Size of the first frame in bytes, or undefined when it is incomplete. Servers do not mask. */
export function frameSize(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  if (short === 127) throw new Error("the load generator takes small messages only");
  if (short === 126 && bytes.length < 4) return undefined;
  const size = short === 126 ? 4 + bytes.readUInt16BE(2) : 2 + short;
  return bytes.length < size ? undefined : size;
}

/** Number of protocol frames in a message: the length of a CBOR array. */
export function arrayLength(payload: Buffer): number {
  const head = payload[0] ?? 0;
  if (head >= 0x80 && head < 0x98) return head - 0x80;
  if (head === 0x98) return payload[1] ?? 0;
  throw new Error(`unexpected message: ${payload.toString("hex")}`);
}

export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

async function measure(job: LoadJob): Promise<LoadResult> {
  const latencies: number[] = [];
  const callers: { caller: Caller; start: () => void }[] = [];
  const finished: Promise<void>[] = [];
  const perSocket = job.callersPerSocket ?? 1;
  let stopAt = Number.POSITIVE_INFINITY;
  for (let i = 0; i < job.callers / perSocket; i++) {
    const path = job.paths[i % job.paths.length] ?? "/";
    const { promise, resolve } = Promise.withResolvers<void>();
    finished.push(promise);
    /** Send times of unanswered requests, oldest first. */
    const sentAt: number[] = [];
    const send = (count: number): void => {
      const now = performance.now();
      for (let n = 0; n < count; n++) sentAt.push(now);
      caller.send(count);
    };
    const onReply = (count: number): void => {
      const now = performance.now();
      for (let n = 0; n < count; n++) latencies.push(now - (sentAt.shift() ?? now));
      if (now < stopAt) send(count);
      else if (sentAt.length === 0) resolve();
    };
    const caller: Caller = await (job.transport === "http" ? httpCaller : webSocketCaller)(
      job,
      path,
      onReply,
    );
    callers.push({ caller, start: () => send(perSocket) });
  }
  const startedAt = performance.now();
  stopAt = startedAt + job.durationMs;
  for (const { start } of callers) start();
  await Promise.all(finished);
  const seconds = (performance.now() - startedAt) / 1000;
  for (const { caller } of callers) caller.close();
  latencies.sort((a, b) => a - b);
  return {
    calls: latencies.length,
    perSecond: latencies.length / seconds,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

if (process.send !== undefined && process.argv[2] === "load") {
  process.on("message", (job: LoadJob) => {
    void measure(job).then((result) => process.send?.(result));
  });
}
