/** PostgreSQL, NATS and three nodes as processes of this machine, with a network between them that can be cut. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CuttableProxy, nodeOfLink } from "./network.ts";
import type { NodeMessage } from "./node.ts";

export type NodeState = "starting" | "running" | "frozen" | "stopping" | "stopped";

/** A node as the page shows it. */
export interface NodeView {
  readonly name: string;
  readonly state: NodeState;
  readonly pid: number | undefined;
  /** True while nothing passes between it and the database. */
  readonly isCutFromDatabase: boolean;
  /** True while nothing passes between it and the other nodes. */
  readonly isCutFromNodes: boolean;
}

export interface ClusterOptions {
  /** URLs of two databases of one PostgreSQL server: of the actors, and of the Studio. */
  readonly store: string;
  readonly studioStore: string;
  /** URL of the NATS server; without one, nodes wake each other over their links. */
  readonly nats: string | undefined;
  /** Directory for the data of the nodes; emptied at the start. */
  readonly directory: string;
  readonly secret: string;
  /** Seals the secrets that the nodes' Studios share. */
  readonly clusterKey: string;
  /** Time after which others take over the actors of a node that is silent, in milliseconds. */
  readonly ttlMs: number;
  /** Called at each change of a node. */
  changed(): void;
  log(text: string): void;
}

export const nodeNames = ["node-1", "node-2", "node-3"] as const;

/** One node: its process, its address, and its places in the network. */
export class DemoNode {
  readonly name: string;
  readonly #options: ClusterOptions;
  readonly #database: CuttableProxy;
  readonly #links: CuttableProxy;
  readonly #studioLinks: CuttableProxy;
  #environment: NodeJS.ProcessEnv = {};
  #linkPort = 0;
  #studioLinkPort = 0;
  #process: ChildProcess | undefined;
  #url: string | undefined;
  #studioUrl: string | undefined;
  #state: NodeState = "stopped";
  isCutFromDatabase = false;
  isCutFromNodes = false;

  constructor(name: string, options: ClusterOptions, isCut: (node: string) => boolean) {
    this.name = name;
    this.#options = options;
    const database = new URL(options.store);
    this.#database = new CuttableProxy({
      targetPort: () => Number(database.port || 5432),
      passes: () => !this.isCutFromDatabase,
    });
    const passes = (source: string | undefined): boolean =>
      !this.isCutFromNodes && (source === undefined || !isCut(source));
    this.#links = new CuttableProxy({ targetPort: () => this.#linkPort, passes, nameOf: nodeOfLink });
    this.#studioLinks = new CuttableProxy({
      ...{ targetPort: () => this.#studioLinkPort, passes, nameOf: nodeOfLink },
    });
  }

  get url(): string | undefined {
    return this.#state === "stopped" ? undefined : this.#url;
  }

  get studioUrl(): string | undefined {
    return this.#state === "stopped" ? undefined : this.#studioUrl;
  }

  /** A ticket to sign in to the Studio. */
  async ticket(): Promise<string> {
    const child = this.#process;
    if (child === undefined) throw new Error(`${this.name} does not run`);
    const answer = once(child, "message", { signal: AbortSignal.timeout(10_000) });
    child.send("ticket");
    const [message] = (await answer) as [NodeMessage];
    if (message.type !== "ticket") throw new Error(`${this.name} gave no ticket`);
    return message.ticket;
  }

  view(): NodeView {
    const { name, isCutFromDatabase, isCutFromNodes } = this;
    return { name, state: this.#state, pid: this.#process?.pid, isCutFromDatabase, isCutFromNodes };
  }

  /** Opens its places in the network. */
  async connect(freePort: () => Promise<number>): Promise<void> {
    const databasePort = await this.#database.listen();
    const linksPort = await this.#links.listen();
    const studioLinksPort = await this.#studioLinks.listen();
    this.#linkPort = await freePort();
    this.#studioLinkPort = await freePort();
    const { store, studioStore, nats, secret, clusterKey, ttlMs, directory } = this.#options;
    const through = (url: string): string => {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${databasePort}`;
      return changed.href;
    };
    const data = join(directory, this.name);
    rmSync(data, { recursive: true, force: true });
    mkdirSync(data, { recursive: true });
    this.#environment = {
      ...process.env,
      HOLDFAST_STORE: through(store),
      HOLDFAST_DATA: join(data, "actors"),
      HOLDFAST_NODE: this.name,
      HOLDFAST_ADVERTISE: `http://127.0.0.1:${linksPort}`,
      HOLDFAST_LISTEN: `127.0.0.1:${this.#linkPort}`,
      HOLDFAST_CLUSTER_SECRET: secret,
      HOLDFAST_CLUSTER_KEY: clusterKey,
      ...(nats === undefined ? {} : { HOLDFAST_NATS: nats }),
      DEMO_STUDIO_STORE: through(studioStore),
      DEMO_STUDIO_DATA: join(data, "studio"),
      DEMO_STUDIO_ADVERTISE: `http://127.0.0.1:${studioLinksPort}`,
      DEMO_STUDIO_LISTEN: `127.0.0.1:${this.#studioLinkPort}`,
      DEMO_TTL_MS: String(ttlMs),
    };
  }

  /** Starts the process; resolves when it is a node, or has ended before. */
  async start(): Promise<void> {
    if (this.#state !== "stopped") return;
    const child = fork(join(import.meta.dirname, "node.ts"), {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: this.#environment,
    });
    this.#process = child;
    this.#become("starting");
    let log = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-4_000);
    });
    const exited = once(child, "exit").then(([code, signal]) => {
      const wasStarting = this.#state === "starting";
      this.#process = undefined;
      this.#become("stopped");
      if (wasStarting) this.#options.log(`${this.name} did not start (${code ?? signal}): ${log.trim()}`);
    });
    const started = once(child, "message").then(([message]) => {
      const { type, ...urls } = message as NodeMessage;
      if (type !== "started" || !("url" in urls)) return;
      this.#url = urls.url;
      this.#studioUrl = urls.studioUrl;
      this.#become("running");
    });
    await Promise.race([started, exited]);
  }

  kill(): void {
    this.#process?.kill("SIGKILL");
  }

  freeze(): void {
    if (this.#state !== "running") return;
    this.#process?.kill("SIGSTOP");
    this.#become("frozen");
  }

  thaw(): void {
    if (this.#state !== "frozen") return;
    this.#process?.kill("SIGCONT");
    this.#become("running");
  }

  /** Stops the process as an orchestrator would: it hands over its actors first. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const exited = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    this.#become("stopping");
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await exited;
    clearTimeout(timer);
  }

  setCuts(cuts: { readonly database?: boolean; readonly nodes?: boolean }): void {
    this.isCutFromDatabase = cuts.database ?? this.isCutFromDatabase;
    this.isCutFromNodes = cuts.nodes ?? this.isCutFromNodes;
    this.#options.changed();
  }

  /** Connections that lost something while the network was cut end now. */
  healed(): void {
    this.#database.healed();
    this.#links.healed();
    this.#studioLinks.healed();
  }

  /** Ends the process at once, and its places in the network. */
  close(): void {
    this.kill();
    this.#database.close();
    this.#links.close();
    this.#studioLinks.close();
  }

  #become(state: NodeState): void {
    this.#state = state;
    this.#options.changed();
  }
}

/** The nodes together. */
export class DemoCluster {
  readonly nodes: readonly DemoNode[];

  constructor(options: ClusterOptions) {
    this.nodes = nodeNames.map((name) => new DemoNode(name, options, (of) => this.#isCut(of)));
  }

  async start(freePort: () => Promise<number>): Promise<void> {
    for (const node of this.nodes) await node.connect(freePort);
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  find(name: string): DemoNode | undefined {
    return this.nodes.find((node) => node.name === name);
  }

  /** Cuts a node off, or connects it again. */
  cut(node: DemoNode, cuts: { readonly database?: boolean; readonly nodes?: boolean }): void {
    node.setCuts(cuts);
    for (const each of this.nodes) each.healed();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    for (const node of this.nodes) node.close();
  }

  #isCut(name: string): boolean {
    return this.find(name)?.isCutFromNodes === true;
  }
}
