import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { HoldfastError } from "@holdfast/core";

/** How long a request waits for a version that starts. */
const maxWaitMs = 30_000;
const maxWaiting = 1_000;

/** Serves a request itself, or returns false. */
export type OwnPages = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

/** Answers in place of a program that does not run. */
const away = new HoldfastError(
  "dev",
  "not_running",
  "The program does not run: see the terminal of holdfast dev, or /inspector",
  { statusCode: 503 },
);

/**
 * The port of the program. It stays open while versions come and go: requests wait for the next one, and pass through
 * to it as they are.
 */
export class Front {
  readonly #server: Server;
  readonly #ownPages: OwnPages;
  #target: Promise<number>;
  #agent = new Agent({ keepAlive: true });
  #release: (port: number) => void = () => undefined;
  #refuse: (error: Error) => void = () => undefined;
  #waiting = 0;
  /** True while requests wait for a version. */
  #isHeld = true;

  constructor(ownPages: OwnPages) {
    this.#ownPages = ownPages;
    this.#target = this.#nextTarget();
    this.#server = createServer({ requestTimeout: 0, requireHostHeader: false }, (incoming, response) => {
      this.#request(incoming, response).catch((error: unknown) => answer(response, error));
    });
    this.#server.on("upgrade", (incoming, socket, head) => {
      this.#upgrade(incoming, socket, head).catch(() => socket.destroy());
    });
  }

  /** Throws `gateway.port_in_use` and `gateway.cannot_listen`. */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port)));
      this.#server.listen(port, host, resolve);
    });
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** Requests wait from now on. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    // Requests that the version before still answers keep their connections.
    this.#agent = new Agent({ keepAlive: true });
    this.#target = this.#nextTarget();
  }

  /** Requests go to this port of this machine. */
  forward(port: number): void {
    this.#isHeld = false;
    this.#release(port);
    this.#target = Promise.resolve(port);
  }

  /** No version runs: requests are refused with `dev.not_running`. */
  refuse(): void {
    if (!this.#isHeld) this.hold();
    this.#isHeld = false;
    this.#refuse(away);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#refuse(away);
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  #nextTarget(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#release = resolve;
    this.#refuse = reject;
    // Nobody may be waiting.
    promise.catch(() => undefined);
    return promise;
  }

  async #port(): Promise<number> {
    if (this.#waiting >= maxWaiting) throw away;
    this.#waiting += 1;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(away), maxWaitMs);
    try {
      return await Promise.race([this.#target, late.promise]);
    } finally {
      clearTimeout(timer);
      this.#waiting -= 1;
    }
  }

  async #request(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (await this.#ownPages(incoming, response)) return;
    const port = await this.#port();
    if (response.destroyed) return;
    const outgoing = request({
      ...{ host: "127.0.0.1", port, agent: this.#agent },
      ...{ method: incoming.method ?? "GET", path: incoming.url ?? "/", setHost: false },
      headers: headersOf(incoming),
    });
    outgoing.on("response", (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.statusMessage, answered.rawHeaders);
      answered.pipe(response);
      answered.on("error", () => response.destroy());
    });
    outgoing.on("error", () => answer(response, away));
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  async #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => undefined);
    const port = await this.#port();
    const upstream = connect(port, "127.0.0.1");
    const lines = headersOf(incoming).flatMap((text, index, all) =>
      index % 2 === 0 ? [`${text}: ${all[index + 1]}`] : [],
    );
    upstream.write([`GET ${incoming.url ?? "/"} HTTP/1.1`, ...lines, "", ""].join("\r\n"), "latin1");
    upstream.write(head);
    upstream.on("error", () => socket.destroy());
    upstream.on("close", () => socket.destroy());
    socket.on("close", () => upstream.destroy());
    socket.pipe(upstream).pipe(socket);
  }
}

/** As they came, in pairs. What comes from another machine is marked, so that it has no rights of this one. */
function headersOf({ rawHeaders, socket }: IncomingMessage): string[] {
  const peer = socket.remoteAddress ?? "unknown";
  return isLoopback(peer) ? rawHeaders : [...rawHeaders, "X-Forwarded-For", peer];
}

/** True for an address of this machine. */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

function answer(response: ServerResponse, thrown: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { group, code, message } = thrown instanceof HoldfastError ? thrown : away;
  const body = JSON.stringify({ status: 503, title: "Service Unavailable", detail: message, group, code });
  // A page of another port learns the reason as well.
  response.writeHead(503, {
    "content-type": "application/problem+json",
    "retry-after": "1",
    "access-control-allow-origin": "*",
  });
  response.end(body);
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): HoldfastError {
  const metadata = { host, port, ...(cause.code === undefined ? {} : { reason: cause.code }) };
  if (cause.code === "EADDRINUSE") {
    const message = `Port ${port} is in use by another process. Stop it, or choose another one with --port`;
    return new HoldfastError("gateway", "port_in_use", message, { cause, metadata });
  }
  const message = `Cannot listen on port ${port} of ${host}: ${cause.message}. Choose others with --port and --host`;
  return new HoldfastError("gateway", "cannot_listen", message, { cause, metadata });
}
