import type { IncomingMessage } from "node:http";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import type { ActorInstance, ActorRecord, ActorStore, ClusterStore, DueFilter } from "@holdfast/actors";
import { type ActorTarget, actorPath, type ClientDriver } from "@holdfast/client";
import { type ActorKey, type Ports, uuidv4 } from "@holdfast/core";
import type { Exchange } from "../../gateway/http/exchange.ts";
import { serverLimits } from "../../limits.ts";
import { ClusterMetrics } from "../../observe/cluster-metrics.ts";
import { forwardExchange } from "../forwarding/forward-exchange.ts";
import { forwardSocket } from "../forwarding/forward-socket.ts";
import { Forwarder } from "../forwarding/forwarder.ts";
import { createRemoteDriver } from "../forwarding/remote-driver.ts";
import { LinkLost } from "../link-lost.ts";
import { pipedSocket } from "../links/as-socket.ts";
import { Carriers } from "../links/carriers.ts";
import type { Certificates } from "../links/certificates.ts";
import { ClusterSecrets } from "../links/handshake.ts";
import { type LinkGateway, LinkServer } from "../links/link-server.ts";
import { Links } from "../links/links.ts";
import { listens, Outbound, openCarrier } from "../links/outbound.ts";
import { ClusterMember, type ClusterStatus, unknownNode } from "../member.ts";
import type { NodeAddress } from "../placement.ts";
import type { ActorAddress } from "../residents.ts";
import { AskToStart } from "../serverless/ask-to-start.ts";
import { ServerlessPools } from "../serverless/pools.ts";
import type { ServerlessNode } from "../serverless/serverless-node.ts";
import type { StoreClock } from "../store-clock.ts";
import { startTransports } from "../wakeups/start-transports.ts";
import type { WakeupTransport } from "../wakeups/transport.ts";
import { alarmPollMs, Wakeups } from "../wakeups/wakeups.ts";
import { certificatesOf, hostToListen, parseAddress, portOf } from "./address.ts";
import { checkAddress } from "./check-address.ts";
import { checkCredentials } from "./credentials.ts";
import type { DirectoryCluster, NodeAnswers } from "./directory-cluster.ts";
import type { NodeConnections } from "./node-connections.ts";
import { type ClusterOptions, clusterDefaults } from "./options.ts";

/** What a cluster needs of the process around it. */
export interface ClusterHost {
  readonly store: Pick<ActorStore, "get" | "find" | "due">;
  readonly leases: ClusterStore;
  readonly ports: Ports;
  readonly monotonic: () => number;
  /** Time of the machine's clock in milliseconds, which goes on while the machine is suspended. */
  readonly wall: () => number;
  /** The clock of `ports`. */
  readonly clock: StoreClock;
  readonly version: string;
  bareName(name: string): string;
  /** Maximum size of the arguments of a call. */
  readonly maxMessageBytes: number;
  /** Prefixes that `bareName` removes. */
  readonly namespaces: readonly string[];
  /** Names of the actors that the program defines. */
  readonly actors: readonly string[];
  /** See `NodeDescription`. */
  readonly stateVersions: Readonly<Record<string, number>>;
  /** For requests of clients, which are checked, and for those of actors, which are not. */
  readonly clients: LinkGateway;
  readonly internal: LinkGateway;
  /** See `MemberOptions`. */
  moveConnections(isMoved: (address: ActorAddress) => boolean): Promise<void>;
  release(): void;
  gained(): void;
  /** Answers a question of another node about the actors in memory. */
  answer(question: unknown): Promise<unknown>;
  /** Looks for due actors at this time. */
  due(at: number): void;
}

interface ClusterParts {
  readonly server: LinkServer;
  readonly links: Links;
  readonly member: ClusterMember;
  readonly forwarder: Forwarder;
  /** Of a node that does not listen. */
  readonly outbound: Outbound | undefined;
  readonly pools: ServerlessPools | undefined;
}

/** This process as a node of a cluster: its membership, and the connections to the other nodes. */
export class Cluster implements DirectoryCluster, NodeConnections, ServerlessNode {
  readonly #host: ClusterHost;
  readonly #options: ClusterOptions;
  readonly #secrets: ClusterSecrets;
  readonly #certificates: Certificates | undefined;
  readonly #metrics = new ClusterMetrics();
  readonly #wakeups: Wakeups;
  readonly #carriers: Carriers;
  #parts: ClusterParts | undefined;
  #id: string | undefined;

  /** Throws `cluster.invalid_secret`, `cluster.invalid_address`, `cluster.invalid_certificate`. */
  constructor(options: ClusterOptions, host: ClusterHost) {
    this.#options = options;
    this.#host = host;
    this.#secrets = new ClusterSecrets(options.secret);
    const { advertise, tls } = options;
    const url = advertise === undefined ? undefined : parseAddress(advertise, tls !== undefined);
    this.#certificates = tls && certificatesOf(tls, url?.hostname, host.ports);
    this.#carriers = new Carriers({
      listens: advertise !== undefined,
      relay: async (node) => {
        const { outbound } = this.#started;
        if (outbound === undefined) throw new Error("This node listens");
        return outbound.relay(node);
      },
    });
    this.#wakeups = new Wakeups({
      log: host.ports.log,
      leases: async (revision) => this.#parts?.member.catchUp(revision),
      due: (at) => host.due(at),
      start: (name, place) => void this.#parts?.pools?.wanted(name, place),
    });
  }

  /**
   * Listens for other nodes, or connects to those that do, and joins. Throws `cluster.cannot_listen`,
   * `cluster.secret_mismatch`, `cluster.address_unreachable`, `cluster.no_relay`, `cluster.node_exists`,
   * `cluster.nats_unavailable`, `cluster.invalid_nats_options`, `cluster.package_missing`, and errors of the store.
   */
  async start(): Promise<void> {
    const server = this.#createServer();
    const { node, address } = await this.#listen(server);
    this.#id = node;
    this.#parts = this.#createParts(server, node, address);
    const { member, links, outbound, pools } = this.#parts;
    try {
      await this.#checkCluster(links, outbound, { id: node, address });
      this.#wakeups.use(await this.#startTransports(links, node));
      await member.start();
    } catch (error) {
      await this.#wakeups.close();
      outbound?.close();
      links.close();
      await server.close();
      throw error;
    }
    pools?.begin();
    this.#compareClocks();
    // What follows, such as a request for an actor that only this node defines, finds nodes that know it.
    await Promise.race([member.announce(), this.#pause(clusterDefaults.announceTimeoutMs)]);
    this.#host.ports.log.info("node joined the cluster", { node: this.#id, address });
  }

  // Placement

  locate(target: ActorTarget): NodeAddress | undefined | Promise<NodeAddress | undefined> {
    return this.#started.member.locate(target);
  }

  isHere(target: ActorTarget): boolean {
    return this.#started.member.isHere(target);
  }

  takes(name: string, key: ActorKey, place?: string): boolean {
    return this.#started.member.takes(name, key, place);
  }

  forget(target: ActorTarget): void {
    this.#started.member.forget(target);
  }

  admits(record: ActorRecord): boolean | Promise<boolean> {
    return this.#started.member.admits(record);
  }

  newId(name: string, key: ActorKey): string {
    return this.#started.member.newId(name, key);
  }

  // Requests

  get revision(): number {
    return this.#parts?.member.revision ?? 0;
  }

  accepts(target: ActorTarget, revision: number): boolean | Promise<boolean> {
    return this.#parts?.member.accepts(target, revision) ?? false;
  }

  forward(exchange: Exchange, target: ActorTarget, isRaw: boolean): Promise<boolean> {
    return forwardExchange(this.#started.forwarder, exchange, target, isRaw);
  }

  forwardSocket(
    target: ActorTarget,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<boolean> {
    return forwardSocket(this.#started.forwarder, target, request, socket, head);
  }

  async connect(to: ActorTarget | { readonly node: string }): Promise<Duplex | undefined> {
    const { forwarder, member } = this.#started;
    if ("node" in to) {
      if (to.node === this.#id) return undefined;
      const node = member.nodes.find(({ id }) => id === to.node);
      if (node === undefined) throw unknownNode(to.node);
      return pipedSocket(await forwarder.tunnelTo(node));
    }
    const stream = await forwarder.tunnel("program", to, actorPath(to), undefined);
    return stream === undefined ? undefined : pipedSocket(stream);
  }

  get id(): string {
    return this.#id ?? "";
  }

  get others(): NodeConnections["others"] {
    return this.#parts?.member.nodes.filter(({ id }) => id !== this.#id) ?? [];
  }

  remoteDriver(gate?: () => Promise<void>): ClientDriver {
    const { forwarder, server } = this.#started;
    const { maxMessageBytes } = this.#host;
    return createRemoteDriver(forwarder, (socket) => server.acceptInternal(socket), gate, maxMessageBytes);
  }

  // Lifecycle

  metrics(): string {
    if (this.#parts === undefined || this.revision === 0) return "";
    const { member, links } = this.#parts;
    const clockDiffersMs = this.#host.clock.differsByMs;
    return this.#metrics.text({ ...member.gauges, links: links.states, clockDiffersMs });
  }

  status(): Promise<ClusterStatus> {
    return this.#started.member.status();
  }

  relocate(record: ActorRecord, to: string, leave: () => Promise<void>): Promise<void> {
    return this.#started.member.relocate(record, to, leave);
  }

  async askOthers(question: unknown): Promise<NodeAnswers> {
    const { member, links } = this.#started;
    return links.askAll("actors", member.liveOthers, question, clusterDefaults.answerTimeoutMs);
  }

  reweigh(weight: number): Promise<void> {
    return this.#started.member.reweigh(weight);
  }

  reach<T>(reading: Promise<T>): Promise<T> {
    return this.#parts?.member.reach(reading) ?? reading;
  }

  get isForwarding(): boolean {
    return this.#parts?.forwarder.isBusy === true;
  }

  requestDrain(id: string): Promise<void> {
    return this.#started.member.requestDrain(id);
  }

  get alarmPollMs(): number {
    return this.#options.pollMs ?? alarmPollMs(this.#wakeups);
  }

  tellDue(name: string, key: ActorKey, at: number): void {
    this.#started.member.tellDue(name, key, at);
  }

  get dueFilter(): DueFilter | undefined {
    return this.#started.member.dueFilter;
  }

  mayAnswer(instance: ActorInstance): boolean {
    return this.#started.member.mayAnswer(instance);
  }

  started(instance: ActorInstance): void {
    this.#started.member.started(instance);
  }

  stopped(instance: ActorInstance): void {
    this.#started.member.stopped(instance);
  }

  get isReady(): boolean {
    return this.#parts?.member.isReady === true;
  }

  drain(): Promise<void> {
    return this.#started.member.drain(this.#options.drainMs ?? clusterDefaults.drainMs);
  }

  async stop(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    await Promise.race([parts.forwarder.settled(), this.#pause(clusterDefaults.forwardGraceMs)]);
    await parts.pools?.close();
    await parts.member.stop();
    await this.#wakeups.close();
    parts.outbound?.close();
    this.#carriers.close();
    parts.links.close();
    await parts.server.close();
  }

  get #started(): ClusterParts {
    if (this.#parts === undefined) throw new Error("The cluster has not started");
    return this.#parts;
  }

  /** Listens for other nodes, unless they cannot reach this process. The address is empty then. */
  async #listen(server: LinkServer): Promise<{ readonly node: string; readonly address: string }> {
    const { advertise, listen, node } = this.#options;
    // Runs of one function have the same host name.
    if (advertise === undefined) {
      return { node: node ?? `serverless-${uuidv4(this.#host.ports.random).slice(0, 13)}`, address: "" };
    }
    const url = parseAddress(advertise, this.#certificates !== undefined);
    const at = listen === undefined ? url : parseAddress(`http://${listen}`, false);
    const bound = await server.listen(portOf(at), hostToListen(at.hostname));
    // Only the process itself knows which port was free.
    const port = listen === undefined ? bound : portOf(url);
    const address = `${url.protocol}//${url.hostname}:${port}`;
    return { node: node ?? `${hostname()}:${port}`, address };
  }

  /** What must be right before this node may serve an actor. */
  async #checkCluster(
    links: Links,
    outbound: Outbound | undefined,
    self: { readonly id: string; readonly address: string },
  ): Promise<void> {
    const { leases, ports } = this.#host;
    await checkCredentials(leases, this.#secrets.all);
    const { nodes } = await leases.view();
    const { reachTimeoutMs: timeoutMs } = clusterDefaults;
    if (outbound !== undefined) return outbound.start(nodes.filter(({ expiresInMs }) => expiresInMs > 0));
    await checkAddress({ self, nodes, links, timeoutMs, log: ports.log });
  }

  #compareClocks(): void {
    const { differsByMs } = this.#host.clock;
    if (Math.abs(differsByMs) < clusterDefaults.clockWarningMs) return;
    this.#host.ports.log.warn(
      "the clock of this machine is not that of the database, which the node uses; set the clock",
      { behindByMs: differsByMs },
    );
  }

  #createServer(): LinkServer {
    const { ports, clients, internal } = this.#host;
    return new LinkServer({
      secrets: this.#secrets,
      // Nobody connects to a node that does not listen.
      certificates: this.#options.advertise === undefined ? undefined : this.#certificates,
      ...{ tasks: ports.tasks, log: ports.log, clients, internal },
      self: () => this.#id,
      handshakeTimeoutMs: clusterDefaults.handshakeTimeoutMs,
      accepts: (target, revision) => this.accepts(target, revision),
      wake: (message) => this.#wakeups.receive(message),
      actors: (question) => this.#host.answer(question),
      reach: async (question) => this.#parts?.links.reach(question),
      offered: (node, stream) => this.#carriers.offer(node, stream),
      relay: (node) => this.#relay(node),
    });
  }

  /** A stream to a node that has connected to this one. Throws `LinkLost`. */
  async #relay(id: string): Promise<Duplex> {
    const { member, links } = this.#started;
    const node = member.nodes.find((each) => each.id === id);
    if (node === undefined || listens(node)) throw new LinkLost(false, unknownNode(id));
    return openCarrier(links, node, "carrier");
  }

  #createParts(server: LinkServer, id: string, address: string): ClusterParts {
    const {
      store,
      leases,
      ports,
      monotonic,
      wall,
      version,
      actors,
      stateVersions,
      bareName,
      namespaces,
      gained,
      clock,
    } = this.#host;
    const { ttlMs = clusterDefaults.ttlMs, weight = 1, zone = "", serve } = this.#options;
    const { maxCallsInProgress: maxPending = serverLimits.maxCallsInProgress } = this.#options;
    const { region = "" } = this.#options;
    const { renewMs = ttlMs * 0.3, maxDriftMs = ttlMs * 0.1 } = this.#options;
    const links = new Links({
      ...{ self: id, secrets: this.#secrets, certificates: this.#certificates },
      ...{ tasks: ports.tasks, log: ports.log },
      connectTimeoutMs: clusterDefaults.connectTimeoutMs,
      ...{ pingMs: clusterDefaults.pingMs, pingTimeoutMs: clusterDefaults.pingTimeoutMs },
      carrier: (to, signal) => this.#carriers.open(to, signal),
    });
    const outbound = address === "" ? this.#createOutbound(server, links) : undefined;
    const pools = this.#createPools(id);
    const member = new ClusterMember({
      ...{ store, leases, ports, monotonic, wall, bareName, namespaces, gained },
      moveConnections: (isMoved) => this.#host.moveConnections(isMoved),
      release: () => this.#host.release(),
      node: {
        ...{ id, address, version, zone, region, stateVersions },
        // Its host may freeze it until a request keeps it alive.
        weight: outbound === undefined ? weight : 0,
        pools: this.#options.pools ?? [],
        serves: serve ?? actors,
      },
      timing: { ttlMs, renewMs, maxDriftMs },
      metrics: this.#metrics,
      timed: (storeNow, sentAt) => clock.adjust(storeNow, sentAt),
      retain: (nodes) => {
        links.retain(nodes);
        outbound?.retain(nodes);
      },
      wakeups: this.#wakeups,
      starter: pools ?? (outbound === undefined ? undefined : this.#askToStart(serve ?? actors)),
    });
    return {
      ...{ server, links, member, outbound, pools },
      forwarder: new Forwarder({ member, links, monotonic, metrics: this.#metrics, maxPending }),
    };
  }

  #createOutbound(server: LinkServer, links: Links): Outbound {
    const { tasks, log } = this.#host.ports;
    return new Outbound({
      ...{ links, tasks, log },
      connectTimeoutMs: clusterDefaults.reachTimeoutMs,
      retryMs: clusterDefaults.reconnectMs,
      accept: (stream) => server.acceptCarried(stream),
    });
  }

  #createPools(id: string): ServerlessPools | undefined {
    const { serverlessPools } = this.#options;
    if (serverlessPools === undefined || this.#options.advertise === undefined) return undefined;
    const { ports, monotonic, store, leases, namespaces, bareName } = this.#host;
    return new ServerlessPools(serverlessPools, {
      ...{ node: id, secrets: this.#secrets, ports, monotonic, store, namespaces, bareName },
      shards: leases.shards,
      isTaken: (name, place) => this.#started.member.isTaken(name, place),
      nodes: () => this.#started.member.nodes,
      refresh: () => this.#started.member.refresh(),
      alarmPollMs: () => this.alarmPollMs,
    });
  }

  #askToStart(served: readonly string[]): AskToStart {
    const { monotonic, bareName } = this.#host;
    return new AskToStart({
      monotonic,
      serves: (name) => served.includes(bareName(name)),
      nodes: () => this.#started.member.nodes.filter(listens),
      tell: (nodes, name, place) => void this.#wakeups.tell(nodes, { kind: "start", name, place }),
    });
  }

  #startTransports(links: Links, node: string): Promise<readonly WakeupTransport[]> {
    const { leases, ports, gained } = this.#host;
    return startTransports({
      ...{ options: this.#options, leases, links, node, tasks: ports.tasks, log: ports.log },
      receive: (message) => this.#wakeups.receive(message),
      connected: () => {
        gained();
        void this.#parts?.member.lookAgain();
      },
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#host.ports.tasks.after(ms, resolve));
  }
}
