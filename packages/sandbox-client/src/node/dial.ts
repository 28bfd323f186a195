import { chmod, mkdir, rm, stat } from "node:fs/promises";
import { Agent, type ClientRequestArgs } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import { HoldfastError } from "@holdfast/core";

export interface DialHostOptions {
  /** How long a request waits for a connection; 10 s by default. */
  readonly connectTimeoutMs?: number;
  /** Connections in use and idle together; 128 by default. Further ones are refused. */
  readonly maxConnections?: number;
}

/** The host's side of a server that dials out: requests made with {@link agent} go over its connections. */
export interface DialHost {
  readonly socketPath: string;
  readonly agent: Agent;
  /** Resolves when the other side has dialled for the first time; rejects after `timeoutMs`. */
  ready(timeoutMs: number): Promise<void>;
  /** Number of open connections. */
  readonly connections: number;
  /** Ends all connections and removes the socket. Idempotent. */
  close(): Promise<void>;
}

const defaultConnectTimeoutMs = 10_000;
const defaultMaxConnections = 128;
/** Used connections that are idle are closed beyond this number, after a burst. */
const maxIdleConnections = 8;

/**
 * Listens on a Unix socket (mode 0600) for a server in "dial" mode. A missing directory is created with mode 0700; one
 * that other users can enter is refused with `sandbox.unsafe_directory`.
 */
export async function listenForDial(socketPath: string, options: DialHostOptions = {}): Promise<DialHost> {
  await prepareDirectory(dirname(socketPath));
  await rm(socketPath, { force: true });
  const pool = new ConnectionPool(options);
  const server = createServer((socket) => pool.add(socket));
  await listen(server, socketPath);
  let closing: Promise<void> | undefined;
  return {
    socketPath,
    agent: new DialAgent(pool),
    ready: (timeoutMs) => pool.ready(timeoutMs),
    get connections() {
      return pool.size;
    },
    close: () => {
      closing ??= new Promise<void>((resolve) => {
        server.close(() => resolve());
        pool.close();
      }).then(() => rm(socketPath, { force: true }));
      return closing;
    },
  };
}

async function prepareDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { mode } = await stat(directory);
  if ((mode & 0o077) === 0) return;
  throw new HoldfastError(
    "sandbox",
    "unsafe_directory",
    `Other users may enter ${directory}: make it private with "chmod 700"`,
    { statusCode: 500 },
  );
}

async function listen(server: Server, socketPath: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  // Until here, the private directory protects the socket.
  await chmod(socketPath, 0o600);
}

interface Waiter {
  readonly give: (socket: Socket) => void;
  readonly fail: (error: Error) => void;
}

/** Connections that the other side has opened and no request uses. */
class ConnectionPool {
  readonly #timeoutMs: number;
  readonly #maxConnections: number;
  readonly #all = new Set<Socket>();
  readonly #idle: Socket[] = [];
  readonly #waiters = new Set<Waiter>();
  #closed = false;

  constructor(options: DialHostOptions) {
    this.#timeoutMs = options.connectTimeoutMs ?? defaultConnectTimeoutMs;
    this.#maxConnections = options.maxConnections ?? defaultMaxConnections;
  }

  get size(): number {
    return this.#all.size;
  }

  add(socket: Socket): void {
    if (this.#closed || this.#all.size >= this.#maxConnections) {
      socket.destroy();
      return;
    }
    this.#all.add(socket);
    // A broken connection is only taken out; who uses it learns of it by itself.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#all.delete(socket);
      const index = this.#idle.indexOf(socket);
      if (index !== -1) this.#idle.splice(index, 1);
    });
    const [waiter] = this.#waiters;
    if (waiter) {
      this.#waiters.delete(waiter);
      waiter.give(socket);
    } else this.#idle.push(socket);
  }

  take(timeoutMs: number = this.#timeoutMs): Promise<Socket> {
    const idle = this.#idle.shift();
    if (idle) return Promise.resolve(idle);
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        give: (socket) => {
          clearTimeout(timer);
          resolve(socket);
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(
          new HoldfastError(
            "sandbox",
            "not_dialled",
            `The sandbox has not connected within ${timeoutMs} ms`,
            {
              statusCode: 504,
            },
          ),
        );
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  async ready(timeoutMs: number): Promise<void> {
    if (this.#all.size > 0) return;
    const socket = await this.take(timeoutMs);
    this.#all.delete(socket);
    this.add(socket);
  }

  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.fail(closedError());
    this.#waiters.clear();
    for (const socket of this.#all) socket.destroy();
  }
}

function closedError(): HoldfastError {
  return new HoldfastError("sandbox", "host_closed", "The host no longer listens for the sandbox", {
    statusCode: 503,
  });
}

/** An HTTP agent that creates no connections, but takes dialled ones and reuses them. */
class DialAgent extends Agent {
  readonly #pool: ConnectionPool;

  constructor(pool: ConnectionPool) {
    super({ keepAlive: true, maxFreeSockets: maxIdleConnections, scheduling: "lifo" });
    this.#pool = pool;
  }

  /** All requests go to the one server, whatever host their URL names. */
  override getName(): string {
    return "dialled";
  }

  override createConnection(
    _options: ClientRequestArgs,
    done: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#pool.take().then(
      (socket) => done(null, socket),
      // The type knows no error without a stream, but that is how an agent reports one.
      (error: Error) => (done as (error: Error) => void)(error),
    );
    return undefined;
  }
}
