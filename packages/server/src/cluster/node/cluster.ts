import type { IncomingMessage } from "node:http";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import type { ActorInstance, ActorStore, ClusterStore } from "@holdfast/actors";
import type { ActorTarget, ClientDriver } from "@holdfast/client";
import { type ActorKey, HoldfastError, type Ports } from "@holdfast/core";
import type { Exchange } from "../../gateway/http/exchange.ts";
import { forwardExchange } from "../forwarding/forward-exchange.ts";
import { forwardSocket } from "../forwarding/forward-socket.ts";
import { Forwarder } from "../forwarding/forwarder.ts";
import { createRemoteDriver } from "../forwarding/remote-driver.ts";
import { isSameSession, type LeaseTable, type Scope } from "../lease-table.ts";
import { ClusterSecrets } from "../links/handshake.ts";
import { type LinkGateway, LinkServer } from "../links/link-server.ts";
import { Links } from "../links/links.ts";
import { Membership } from "../membership.ts";
import { LeasePlacement, type NodeAddress, type Placement } from "../placement.ts";
import { Residents } from "../residents.ts";
import { addressHash } from "../shards.ts";
import { type ClusterOptions, clusterDefaults } from "./options.ts";

/** What a cluster needs of the process around it. */
export interface ClusterHost {
  readonly store: Pick<ActorStore, "get">;
  readonly leases: ClusterStore;
  readonly ports: Ports;
  readonly monotonic: () => number;
  readonly version: string;
  /** Names of the actors that the program defines. */
  readonly actors: readonly string[];
  /** For requests of clients, which are checked, and for those of actors, which are not. */
  readonly clients: LinkGateway;
  readonly internal: LinkGateway;
  /** Ends the connections of sleeping actors that another node serves from now on. */
  release(isReleased: (name: string, key: ActorKey) => boolean): void;
  /** This node has got more actors: some may be due. */
  gained(): void;
}

/** This process as a node of a cluster: its leases, and the way to actors of other nodes. */
export class Cluster implements Placement {
  readonly #host: ClusterHost;
  readonly #options: ClusterOptions;
  readonly #secrets: ClusterSecrets;
  readonly #residents: Residents;
  #parts: ClusterParts | undefined;

  /** Throws `cluster.invalid_secret`, `cluster.invalid_address`. */
  constructor(options: ClusterOptions, host: ClusterHost) {
    this.#options = options;
    this.#host = host;
    this.#secrets = new ClusterSecrets(options.secret);
    this.#residents = new Residents(host.leases.shards);
    parseAddress(options.advertise);
  }

  /** Listens for other nodes and joins. Throws `cluster.cannot_listen`, `cluster.node_exists`, errors of the store. */
  async start(): Promise<void> {
    const { advertise, listen } = this.#options;
    const url = parseAddress(advertise);
    const server = this.#linkServer();
    const at = parseAddress(listen === undefined ? advertise : `http://${listen}`);
    const bound = await server.listen(Number(at.port || 80), hostToListen(at.hostname));
    // Only the process itself knows which port was free.
    const port = listen === undefined ? bound : url.port || 80;
    const address = `${url.protocol}//${url.hostname}:${port}`;
    const parts = this.#createParts(server, address, this.#options.node ?? `${hostname()}:${port}`);
    this.#parts = parts;
    try {
      await parts.membership.start();
    } catch (error) {
      await server.close();
      throw error;
    }
    // What follows, such as a request for an actor that only this node defines, finds nodes that know it.
    await Promise.race([this.#announce(parts), this.#pause(clusterDefaults.announceTimeoutMs)]);
    this.#host.ports.log.info("node joined the cluster", { node: parts.membership.session.id, address });
  }

  // Placement

  locate(target: ActorTarget): NodeAddress | undefined | Promise<NodeAddress | undefined> {
    return this.#started.placement.locate(target);
  }

  isHere(target: ActorTarget): boolean {
    return this.#started.placement.isHere(target);
  }

  holds(name: string, key: ActorKey): boolean {
    return this.#started.placement.holds(name, key);
  }

  takes(name: string, key: ActorKey): boolean {
    return this.#started.placement.takes(name, key);
  }

  newId(name: string, key: ActorKey): string {
    return this.#started.placement.newId(name, key);
  }

  // Requests

  /** Forwards a client's request. Resolves to false if this node serves the actor, and nothing was sent. */
  forward(exchange: Exchange, target: ActorTarget, isRaw: boolean): Promise<boolean> {
    return forwardExchange(this.#started.forwarder, exchange, target, isRaw);
  }

  /** Connects a client's WebSocket with its node. False if this node serves the actor, and nothing was read. */
  forwardSocket(
    target: ActorTarget,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<boolean> {
    return forwardSocket(this.#started.forwarder, target, request, socket, head);
  }

  /** Calls actors of other nodes; `gate` resolves when what is sent now may leave. */
  remoteDriver(gate?: () => Promise<void>): ClientDriver {
    const { forwarder, server } = this.#started;
    return createRemoteDriver(forwarder, (socket) => server.acceptInternal(socket), gate);
  }

  /** True if this node serves the target, as far as a node with this revision of the leases knows. */
  async accepts(target: ActorTarget, revision: number): Promise<boolean> {
    // Nothing is here before the first reading of the leases.
    if (this.#parts?.membership.hasStarted !== true) return false;
    await this.#parts.membership.catchUp(revision);
    return (await this.locate(target)) === undefined;
  }

  get revision(): number {
    const membership = this.#parts?.membership;
    return membership?.hasStarted === true ? membership.table.revision : 0;
  }

  // Lifecycle of actors

  started(instance: ActorInstance): void {
    this.#residents.add(instance);
  }

  stopped(instance: ActorInstance): void {
    this.#residents.remove(instance);
  }

  /** True once this node hands over its actors. */
  get isDraining(): boolean {
    return this.#parts?.membership.isDraining === true;
  }

  /** True if this node may serve actors now. */
  get isReady(): boolean {
    return this.#parts?.membership.isValid === true && !this.isDraining;
  }

  /** Hands over all actors, within the time limit. */
  async drain(): Promise<void> {
    const { drainMs = clusterDefaults.drainMs } = this.#options;
    const { tasks } = this.#host.ports;
    await new Promise<void>((resolve, reject) => {
      const timer = tasks.after(drainMs, resolve);
      this.#started.membership
        .drain()
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
  }

  /** Leaves. Actors must be out of memory. */
  async stop(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    await Promise.race([parts.forwarder.settled(), this.#pause(clusterDefaults.forwardGraceMs)]);
    await parts.membership.stop();
    parts.links.close();
    await parts.server.close();
  }

  async #announce({ links, membership }: ClusterParts): Promise<void> {
    const { table } = membership;
    const others = table.nodes.filter((node) => !isSameSession(node, membership.session));
    await links.announce(others, table.revision);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#host.ports.tasks.after(ms, resolve));
  }

  get #started(): ClusterParts {
    if (this.#parts === undefined) throw new Error("The cluster has not started");
    return this.#parts;
  }

  #createParts(server: LinkServer, address: string, id: string): ClusterParts {
    const { store, leases, ports, monotonic, version } = this.#host;
    const { ttlMs = clusterDefaults.ttlMs, weight = 1, zone = "", serve } = this.#options;
    const { renewMs = ttlMs * 0.3, maxDriftMs = ttlMs * 0.1 } = this.#options;
    const links = new Links({
      ...{ self: id, secrets: this.#secrets, tasks: ports.tasks, log: ports.log },
      connectTimeoutMs: clusterDefaults.connectTimeoutMs,
    });
    const membership: Membership = new Membership({
      ...{ store: leases, ports, monotonic },
      node: { id, address, version, weight, zone, serves: serve ?? this.#host.actors },
      timing: { ttlMs, renewMs, maxDriftMs },
      vacate: (scope, shard) => this.#vacate(scope, shard),
      lost: () => this.#lost(),
      changed: (table, byThisNode) => this.#changed(table, byThisNode),
    });
    const maxWaitMs = ttlMs + 2 * renewMs;
    const placement = new LeasePlacement({
      ...{ membership, store, ports, monotonic, maxWaitMs },
      shards: leases.shards,
    });
    const forwarder = new Forwarder({ placement, membership, links, log: ports.log, monotonic, maxWaitMs });
    return { links, membership, placement, forwarder, server };
  }

  #linkServer(): LinkServer {
    const { ports, clients, internal } = this.#host;
    const server: LinkServer = new LinkServer({
      ...{ secrets: this.#secrets, tasks: ports.tasks, log: ports.log, clients, internal },
      self: () => this.#parts?.membership.session.id,
      handshakeTimeoutMs: clusterDefaults.handshakeTimeoutMs,
      accepts: (target, revision) => this.accepts(target, revision),
      revised: async (revision) => this.#parts?.membership.catchUp(revision),
    });
    return server;
  }

  async #vacate(scope: Scope, shard: number): Promise<void> {
    const { membership } = this.#started;
    const isOfScope = (name: string): boolean => membership.table.scopeOf(name) === scope;
    const instances = this.#residents.in(shard).filter(({ name }) => isOfScope(name));
    await Promise.all(instances.map((instance) => instance.sleep()));
    const mask = this.#host.leases.shards - 1;
    this.#host.release((name, key) => isOfScope(name) && (addressHash(name, key) & mask) === shard);
  }

  /** Others may serve all actors of this node: nothing of them may be answered any more. */
  #lost(): void {
    for (const instance of this.#residents.all()) void instance.sleep();
    this.#host.release(() => true);
  }

  #changed(table: LeaseTable, byThisNode: boolean): void {
    const parts = this.#parts;
    if (parts === undefined) return;
    parts.links.retain(table.nodes);
    if (byThisNode) void this.#announce(parts);
    this.#host.gained();
  }
}

interface ClusterParts {
  readonly links: Links;
  readonly membership: Membership;
  readonly placement: LeasePlacement;
  readonly forwarder: Forwarder;
  readonly server: LinkServer;
}

function parseAddress(text: string): URL {
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (url.protocol === "http:" && url.hostname !== "" && url.pathname === "/") return url;
  }
  const message = `"${text}" is not an address for other nodes. Set "advertise" or HOLDFAST_ADVERTISE to a URL such as "http://10.0.0.5:6421"`;
  throw new HoldfastError("cluster", "invalid_address", message);
}

/** An address of a loopback or another interface is listened at as it is, a name on all interfaces. */
function hostToListen(name: string): string {
  const bare = name.replace(/^\[|\]$/g, "");
  return bare === "localhost" || /^[\d.]+$/.test(bare) || bare.includes(":") ? bare : "0.0.0.0";
}
