/** The server of the page: its files, the state of the cluster as a stream, the faults, and the way to the actors. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { DemoCluster, DemoNode, NodeView } from "./cluster.ts";
import { LoadBalancer } from "./load-balancer.ts";
import { AgentTask, type AgentView } from "./task.ts";

/** A node as the cluster itself describes it, in `GET /cluster`. */
interface ClusterNode {
  readonly id: string;
  readonly shards: number;
  readonly draining: boolean;
  readonly expiresInMs: number;
}

/** What the page shows, sent whenever it changes. */
export interface ControlState {
  readonly nodes: readonly (NodeView & {
    /** True while the load balancer sends it clients. */
    readonly isReady: boolean;
    /** Shards that the node holds; undefined while no node tells. */
    readonly shards: number | undefined;
    readonly isDraining: boolean;
    /** Time until its session ends, in milliseconds; negative once others may take its actors. */
    readonly expiresInMs: number | undefined;
  })[];
  /** Number of shards in all. */
  readonly shards: number;
  readonly ttlMs: number;
  /** False if nodes wake each other over their links only. */
  readonly hasNats: boolean;
  /** The task that an agent works on; undefined while the nodes start. */
  readonly agent: AgentView | undefined;
}

export const faults = [
  "kill",
  "freeze",
  "thaw",
  "drain",
  "stop",
  "start",
  "cut-database",
  "heal-database",
  "cut-nodes",
  "heal-nodes",
] as const;
export type Fault = (typeof faults)[number];

export interface ControlOptions {
  readonly cluster: DemoCluster;
  readonly ttlMs: number;
  readonly hasNats: boolean;
  /** Directory for the repository of the task. */
  readonly directory: string;
  /** Files of the page by path. */
  readonly files: ReadonlyMap<string, { readonly type: string; readonly body: string }>;
}

const statusEveryMs = 500;
const maxSignIns = 20;

export class Control {
  readonly #options: ControlOptions;
  readonly #balancer: LoadBalancer;
  readonly #studioBalancer: LoadBalancer;
  readonly #server: Server;
  readonly #studioServer: Server;
  readonly #viewers = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  #known = new Map<string, ClusterNode>();
  #shards = 0;
  #agent: AgentTask | undefined;

  constructor(options: ControlOptions) {
    this.#options = options;
    const { nodes } = options.cluster;
    this.#balancer = new LoadBalancer(
      nodes,
      ({ url }) => url,
      () => this.changed(),
    );
    this.#studioBalancer = new LoadBalancer(nodes, ({ studioUrl }) => studioUrl);
    this.#server = createServer((incoming, response) => void this.#answer(incoming, response));
    this.#server.on("upgrade", (incoming, socket, head) => this.#balancer.upgrade(incoming, socket, head));
    this.#studioServer = createServer((incoming, response) =>
      this.#studioBalancer.request(incoming, response),
    );
    this.#studioServer.on("upgrade", (incoming, socket, head) =>
      this.#studioBalancer.upgrade(incoming, socket, head),
    );
  }

  /** Listens on loopback; resolves to the port of the page. */
  async listen(port: number): Promise<number> {
    const bound = await listen(this.#server, port);
    await listen(this.#studioServer, 0);
    this.#balancer.start();
    this.#studioBalancer.start();
    void this.#watch();
    return bound;
  }

  /** Starts the task of the agent. */
  async startAgent(): Promise<void> {
    const cookie = await this.#signIn();
    const { directory } = this.#options;
    this.#agent = new AgentTask({
      ...{ url: this.#studioUrl, cookie, directory },
      changed: () => this.changed(),
    });
    await this.#agent.start();
  }

  /** Sends the state to all pages. */
  changed(): void {
    const event = `data: ${JSON.stringify(this.#state())}\n\n`;
    for (const viewer of this.#viewers) viewer.write(event);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#agent?.close();
    this.#balancer.stop();
    this.#studioBalancer.stop();
    for (const server of [this.#server, this.#studioServer]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #state(): ControlState {
    const { cluster, ttlMs, hasNats } = this.#options;
    const nodes = cluster.nodes.map((node) => {
      const known = this.#known.get(node.name);
      return {
        ...node.view(),
        isReady: this.#balancer.isReady(node),
        shards: known?.shards,
        isDraining: known?.draining === true,
        expiresInMs: known?.expiresInMs,
      };
    });
    return { nodes, shards: this.#shards, ttlMs, hasNats, agent: this.#agent?.view };
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://localhost");
    const file = this.#options.files.get(pathname);
    if (file !== undefined) {
      response.writeHead(200, { "content-type": file.type, "cache-control": "no-store" }).end(file.body);
    } else if (pathname === "/control/state") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      this.#viewers.add(response);
      response.once("close", () => this.#viewers.delete(response));
      response.write(`data: ${JSON.stringify(this.#state())}\n\n`);
    } else if (pathname === "/control/studio") {
      const ticket = await this.#ticket();
      response.writeHead(303, { location: `${this.#studioUrl}/#ticket=${ticket}` }).end();
    } else if (pathname === "/control/fault") {
      // A page of another origin cannot send this header without being asked first.
      const isOwn = incoming.method === "POST" && incoming.headers["x-demo"] === "1";
      const node = this.#options.cluster.find(searchParams.get("node") ?? "");
      const fault = faults.find((each) => each === searchParams.get("fault"));
      if (!isOwn || node === undefined || fault === undefined) return void response.writeHead(400).end();
      response.writeHead(202).end();
      await this.#apply(node, fault);
    } else {
      this.#balancer.request(incoming, response);
    }
  }

  async #apply(node: DemoNode, fault: Fault): Promise<void> {
    const { cluster } = this.#options;
    switch (fault) {
      case "kill":
        return node.kill();
      case "freeze":
        return node.freeze();
      case "thaw":
        return node.thaw();
      case "stop":
        return node.stop();
      case "start":
        return node.start();
      case "drain":
        await this.#ask("POST", `/cluster/drain?node=${node.name}`);
        return;
      case "cut-database":
        return cluster.cut(node, { database: true });
      case "heal-database":
        return cluster.cut(node, { database: false });
      case "cut-nodes":
        return cluster.cut(node, { nodes: true });
      case "heal-nodes":
        return cluster.cut(node, { nodes: false });
    }
  }

  get #studioUrl(): string {
    return `http://127.0.0.1:${portOf(this.#studioServer)}`;
  }

  /** Exchanges a ticket for the cookie of the Studio's owner. */
  async #signIn(): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const answer = await fetch(`${this.#studioUrl}/auth/exchange`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ticket: await this.#ticket() }),
      });
      if (answer.ok) return answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
      // The balancer may not know yet which nodes are ready.
      if (answer.status < 500 || attempt === maxSignIns) {
        throw new Error(`The Studio refused the ticket with status ${answer.status}`);
      }
      await new Promise((resolve) => setTimeout(resolve, statusEveryMs));
    }
  }

  /** A ticket of a node that is ready. */
  #ticket(): Promise<string> {
    const { nodes } = this.#options.cluster;
    const node = nodes.find((each) => each.view().state === "running");
    if (node === undefined) throw new Error("No node runs");
    return node.ticket();
  }

  /** Reads what the cluster says of itself, again and again. */
  async #watch(): Promise<void> {
    const status = (await this.#ask("GET", "/cluster")) as
      | { readonly shards: number; readonly nodes: readonly ClusterNode[] }
      | undefined;
    this.#known = new Map(status?.nodes.map((node) => [node.id, node]));
    this.#shards = status?.shards ?? this.#shards;
    this.changed();
    this.#timer = setTimeout(() => void this.#watch(), statusEveryMs);
  }

  /** Asks the nodes in turn, until one answers. */
  async #ask(method: "GET" | "POST", path: string): Promise<unknown> {
    const nodes = this.#options.cluster.nodes.filter((node) => this.#balancer.isReady(node));
    for (const node of nodes) {
      try {
        const answer = await fetch(`${node.url}${path}`, { method, signal: AbortSignal.timeout(1_000) });
        if (answer.ok) return method === "GET" ? await answer.json() : undefined;
      } catch {
        // Killed, frozen or cut off in this moment: another one knows, too.
      }
    }
    return undefined;
  }
}

/** Listens on loopback; resolves to the port. */
async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return portOf(server);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
