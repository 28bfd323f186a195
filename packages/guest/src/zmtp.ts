import { createConnection, type Socket } from "node:net";

/**
 * Client of the ZeroMQ Message Transport Protocol 3.1 (RFC 37/ZMTP) with the NULL mechanism. Implements what a jail
 * needs to reach the gate, without native code.
 */
export interface ZmtpConnection {
  /** Sends one message of text frames. */
  send(frames: readonly string[]): void;
  /** Closes the connection without calling `onClose`. Idempotent. */
  close(): void;
}

export interface ZmtpOptions {
  /** Unix socket. */
  readonly path: string;
  readonly socketType: "DEALER" | "SUB";
  /** Routing id, up to 255 bytes. */
  readonly identity?: string;
  /** Topic prefixes of a SUB socket. */
  readonly subscribe?: readonly string[];
  /** Receives the frames of one message. */
  readonly onMessage: (frames: readonly Buffer[]) => void;
  /** Called once, when the connection closed or could not be opened. */
  readonly onClose: (reason: Error) => void;
  /** Timeout of the handshake. Default: 5,000. */
  readonly timeoutMs?: number;
}

const flag = { more: 1, long: 2, command: 4 } as const;
const greetingBytes = 64;
/** A larger frame closes the connection: the gate sends none. */
const maxFrameBytes = 8 * 1024 * 1024;

/** Resolves after the handshake. Rejects with the error that `onClose` would receive. */
export function connectZmtp(options: ZmtpOptions): Promise<ZmtpConnection> {
  return new Promise((resolve, reject) => {
    const connection = new Connection(options, resolve, reject);
    connection.begin();
  });
}

class Connection implements ZmtpConnection {
  readonly #options: ZmtpOptions;
  readonly #socket: Socket;
  readonly #ready: (connection: ZmtpConnection) => void;
  readonly #failed: (error: Error) => void;
  #stage: "greeting" | "handshake" | "open" | "closed" = "greeting";
  #received: Buffer = Buffer.alloc(0);
  #frames: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    options: ZmtpOptions,
    ready: (connection: ZmtpConnection) => void,
    failed: (error: Error) => void,
  ) {
    this.#options = options;
    this.#ready = ready;
    this.#failed = failed;
    this.#socket = createConnection({ path: options.path });
  }

  begin(): void {
    const handshakeTimer = () => this.#end(new Error("the handshake with the gate timed out"));
    this.#timer = setTimeout(handshakeTimer, this.#options.timeoutMs ?? 5_000);
    this.#socket.once("connect", () => this.#socket.write(greeting()));
    this.#socket.on("data", (chunk) => this.#read(chunk));
    this.#socket.once("error", (error) => this.#end(error));
    this.#socket.once("close", () => this.#end(new Error("the gate closed the connection")));
  }

  send(frames: readonly string[]): void {
    if (this.#stage !== "open") throw new Error("the connection is closed");
    const parts = frames.map((frame, index) =>
      encodeFrame(Buffer.from(frame), index < frames.length - 1 ? flag.more : 0),
    );
    this.#socket.write(Buffer.concat(parts));
  }

  close(): void {
    this.#stage = "closed";
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #end(reason: Error): void {
    if (this.#stage === "closed") return;
    const wasOpen = this.#stage === "open";
    this.close();
    if (wasOpen) this.#options.onClose(reason);
    else this.#failed(reason);
  }

  #read(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    if (this.#stage === "greeting" && !this.#readGreeting()) return;
    while (this.#stage !== "closed" && this.#readFrame());
  }

  #readGreeting(): boolean {
    const data = this.#received;
    if (data.length < greetingBytes) return false;
    const mechanism = data.toString("latin1", 12, 32).replace(/\0+$/, "");
    if (data[0] !== 0xff || data[9] !== 0x7f || (data[10] ?? 0) < 3 || mechanism !== "NULL") {
      this.#end(new Error("the gate speaks another protocol"));
      return false;
    }
    this.#received = data.subarray(greetingBytes);
    this.#stage = "handshake";
    const properties = [property("Socket-Type", this.#options.socketType)];
    if (this.#options.socketType === "DEALER")
      properties.push(property("Identity", this.#options.identity ?? ""));
    this.#command("READY", Buffer.concat(properties));
    return true;
  }

  /** Reads one frame; false while it is incomplete. */
  #readFrame(): boolean {
    const data = this.#received;
    const flags = data[0] ?? 0;
    const long = (flags & flag.long) !== 0;
    const head = long ? 9 : 2;
    if (data.length < head) return false;
    const size = long ? Number(data.readBigUInt64BE(1)) : (data[1] ?? 0);
    if (size > maxFrameBytes) {
      this.#end(new Error("the gate sent a frame that is too large"));
      return false;
    }
    if (data.length < head + size) return false;
    const body = data.subarray(head, head + size);
    this.#received = data.subarray(head + size);
    if ((flags & flag.command) !== 0) this.#onCommand(body);
    else this.#onFrame(body, (flags & flag.more) !== 0);
    return true;
  }

  #onFrame(body: Buffer, more: boolean): void {
    // Copied: a slice would retain the whole received chunk.
    this.#frames.push(Buffer.from(body));
    if (more) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#options.onMessage(frames);
  }

  #onCommand(body: Buffer): void {
    const length = body[0] ?? 0;
    const name = body.toString("latin1", 1, 1 + length);
    const data = body.subarray(1 + length);
    if (name === "READY" && this.#stage === "handshake") {
      clearTimeout(this.#timer);
      this.#stage = "open";
      for (const prefix of this.#options.subscribe ?? []) this.#command("SUBSCRIBE", Buffer.from(prefix));
      this.#ready(this);
    } else if (name === "ERROR") {
      this.#end(new Error("the gate refused this process"));
    } else if (name === "PING") {
      this.#command("PONG", data.subarray(2));
    }
  }

  #command(name: string, data: Buffer): void {
    const body = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), data]);
    this.#socket.write(encodeFrame(body, flag.command));
  }
}

function greeting(): Buffer {
  const bytes = Buffer.alloc(greetingBytes);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes[11] = 1;
  bytes.write("NULL", 12, "latin1");
  return bytes;
}

function property(name: string, value: string): Buffer {
  const text = Buffer.from(value);
  const head = Buffer.alloc(1 + name.length + 4);
  head[0] = name.length;
  head.write(name, 1, "latin1");
  head.writeUInt32BE(text.length, 1 + name.length);
  return Buffer.concat([head, text]);
}

function encodeFrame(body: Buffer, flags: number): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | flag.long;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}
