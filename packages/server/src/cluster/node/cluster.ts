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
import { ClusterSecrets } from "../links/handshake.ts";
import { type LinkGateway, LinkServer } from "../links/link-server.ts";
import { Links } from "../links/links.ts";
import { ClusterMember, type ClusterStatus } from "../member.ts";
import type { NodeAddress } from "../placement.ts";
import type { DirectoryCluster } from "./directory-cluster.ts";
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
  /** See `MemberOptions`. */
  release(isReleased: (name: string, key: ActorKey) => boolean): void;
  gained(): void;
}

interface ClusterParts {
  readonly server: LinkServer;
  readonly links: Links;
  readonly member: ClusterMember;
  readonly forwarder: Forwarder;
}

/** This process as a node of a cluster: its membership, and the connections to the other nodes. */
export class Cluster implements DirectoryCluster {
  readonly #host: ClusterHost;
  readonly #options: ClusterOptions;
  readonly #secrets: ClusterSecrets;
  #parts: ClusterParts | undefined;
  #id: string | undefined;

  /** Throws `cluster.invalid_secret`, `cluster.invalid_address`. */
  constructor(options: ClusterOptions, host: ClusterHost) {
    this.#options = options;
    this.#host = host;
    this.#secrets = new ClusterSecrets(options.secret);
    parseAddress(options.advertise);
  }

  /** Listens for other nodes and joins. Throws `cluster.cannot_listen`, `cluster.node_exists`, errors of the store. */
  async start(): Promise<void> {
    const { advertise, listen, node } = this.#options;
    const url = parseAddress(advertise);
    const at = parseAddress(listen === undefined ? advertise : `http://${listen}`);
    const server = this.#createServer();
    const bound = await server.listen(Number(at.port || 80), hostToListen(at.hostname));
    // Only the process itself knows which port was free.
    const port = listen === undefined ? bound : url.port || 80;
    const address = `${url.protocol}//${url.hostname}:${port}`;
    this.#id = node ?? `${hostname()}:${port}`;
    this.#parts = this.#createParts(server, this.#id, address);
    const { member } = this.#parts;
    try {
      await member.start();
    } catch (error) {
      await server.close();
      throw error;
    }
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

  holds(name: string, key: ActorKey): boolean {
    return this.#started.member.holds(name, key);
  }

  takes(name: string, key: ActorKey): boolean {
    return this.#started.member.takes(name, key);
  }

  newId(name: string, key: ActorKey): string {
    return this.#started.member.newId(name, key);
  }

  // Requests

  get revision(): number {
    return this.#parts?.member.revision ?? 0;
  }

  accepts(target: ActorTarget, revision: number): Promise<boolean> {
    return this.#parts === undefined ? Promise.resolve(false) : this.#parts.member.accepts(target, revision);
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

  remoteDriver(gate?: () => Promise<void>): ClientDriver {
    const { forwarder, server } = this.#started;
    return createRemoteDriver(forwarder, (socket) => server.acceptInternal(socket), gate);
  }

  // Lifecycle

  status(): Promise<ClusterStatus> {
    return this.#started.member.status();
  }

  requestDrain(id: string): Promise<void> {
    return this.#started.member.requestDrain(id);
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
    await parts.member.stop();
    parts.links.close();
    await parts.server.close();
  }

  get #started(): ClusterParts {
    if (this.#parts === undefined) throw new Error("The cluster has not started");
    return this.#parts;
  }

  #createServer(): LinkServer {
    const { ports, clients, internal } = this.#host;
    return new LinkServer({
      ...{ secrets: this.#secrets, tasks: ports.tasks, log: ports.log, clients, internal },
      self: () => this.#id,
      handshakeTimeoutMs: clusterDefaults.handshakeTimeoutMs,
      accepts: (target, revision) => this.accepts(target, revision),
      revised: async (revision) => this.#parts?.member.catchUp(revision),
    });
  }

  #createParts(server: LinkServer, id: string, address: string): ClusterParts {
    const { store, leases, ports, monotonic, version, actors, release, gained } = this.#host;
    const { ttlMs = clusterDefaults.ttlMs, weight = 1, zone = "", serve } = this.#options;
    const { renewMs = ttlMs * 0.3, maxDriftMs = ttlMs * 0.1 } = this.#options;
    const links = new Links({
      ...{ self: id, secrets: this.#secrets, tasks: ports.tasks, log: ports.log },
      connectTimeoutMs: clusterDefaults.connectTimeoutMs,
    });
    const member = new ClusterMember({
      ...{ store, leases, ports, monotonic, release, gained },
      node: { id, address, version, weight, zone, serves: serve ?? actors },
      timing: { ttlMs, renewMs, maxDriftMs },
      retain: (nodes) => links.retain(nodes),
      announce: (nodes, revision) => links.announce(nodes, revision),
    });
    return { server, links, member, forwarder: new Forwarder({ member, links }) };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#host.ports.tasks.after(ms, resolve));
  }
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
