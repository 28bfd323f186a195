/** What a load balancer does for clients: passes each request and WebSocket to a node that is ready. */
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { DemoNode } from "./cluster.ts";

const checkEveryMs = 250;
const checkTimeoutMs = 1_000;
/** Checks in a row without an answer after which a node counts as gone: one may be late on a busy machine. */
const maxSilentChecks = 2;

/** Ready nodes take turns. Connections to a node that answers no checks are ended, as their clients could wait for long. */
export class LoadBalancer {
  readonly #nodes: readonly DemoNode[];
  readonly #urlOf: (node: DemoNode) => string | undefined;
  /** Nodes that want clients. */
  readonly #ready = new Set<DemoNode>();
  readonly #changed: () => void;
  readonly #connections = new Map<DemoNode, Set<Duplex>>();
  readonly #timers = new Map<DemoNode, NodeJS.Timeout>();
  #turn = 0;
  #isStopped = false;

  /** `urlOf` is the URL of the server that it balances, at each node. */
  constructor(
    nodes: readonly DemoNode[],
    urlOf: (node: DemoNode) => string | undefined,
    changed: () => void = () => undefined,
  ) {
    this.#nodes = nodes;
    this.#urlOf = urlOf;
    this.#changed = changed;
    for (const node of nodes) this.#connections.set(node, new Set());
  }

  start(): void {
    for (const node of this.#nodes) void this.#watch(node);
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const node of this.#nodes) this.#endConnections(node);
  }

  /** Passes a request on. Answers 503 without a ready node, and 502 if the node does not answer. */
  request(incoming: IncomingMessage, response: ServerResponse): void {
    const next = this.#next();
    if (next === undefined) return fail(response, 503);
    const { node, port } = next;
    const outgoing = request(
      { host: "127.0.0.1", port, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        answer.once("error", () => response.destroy());
      },
    );
    outgoing.once("socket", (socket) => this.#track(node, socket));
    outgoing.once("error", () => fail(response, 502));
    response.once("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  /** Passes a WebSocket on, from its first byte. */
  upgrade(incoming: IncomingMessage, near: Duplex, head: Buffer): void {
    const next = this.#next();
    near.on("error", () => undefined);
    if (next === undefined) return void near.end("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    const { node, port } = next;
    const far = connect(port, "127.0.0.1");
    far.on("error", () => undefined);
    far.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n`);
    for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
      far.write(`${incoming.rawHeaders[at]}: ${incoming.rawHeaders[at + 1]}\r\n`);
    }
    far.write("\r\n");
    far.write(head);
    far.pipe(near).once("close", () => far.destroy());
    near.pipe(far).once("close", () => near.destroy());
    this.#track(node, far);
  }

  isReady(node: DemoNode): boolean {
    return this.#ready.has(node);
  }

  #next(): { readonly node: DemoNode; readonly port: number } | undefined {
    const ready = [...this.#ready];
    this.#turn += 1;
    const node = ready[this.#turn % ready.length];
    const url = node && this.#urlOf(node);
    return node === undefined || url === undefined ? undefined : { node, port: Number(new URL(url).port) };
  }

  #track(node: DemoNode, connection: Duplex): void {
    const connections = this.#connections.get(node);
    // A connection that is kept alive carries several requests.
    if (connections === undefined || connections.has(connection)) return;
    connections.add(connection);
    connection.once("close", () => connections.delete(connection));
  }

  async #watch(node: DemoNode, silentChecks = 0): Promise<void> {
    const health = await healthOf(this.#urlOf(node));
    if (this.#isStopped) return;
    const silent = health === "silent" ? silentChecks + 1 : 0;
    if (silent >= maxSilentChecks) this.#endConnections(node);
    if (this.#ready.has(node) !== (health === "ready")) {
      if (health === "ready") this.#ready.add(node);
      else this.#ready.delete(node);
      this.#changed();
    }
    this.#timers.set(
      node,
      setTimeout(() => void this.#watch(node, silent), checkEveryMs),
    );
  }

  #endConnections(node: DemoNode): void {
    for (const connection of this.#connections.get(node) ?? []) connection.destroy();
  }
}

/** What a node says to a health check. */
async function healthOf(url: string | undefined): Promise<"ready" | "not ready" | "silent"> {
  if (url === undefined) return "silent";
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(checkTimeoutMs) });
    await answer.arrayBuffer();
    return answer.ok ? "ready" : "not ready";
  } catch {
    return "silent";
  }
}

function fail(response: ServerResponse, status: number): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status).end();
}
