import type { ActorStore } from "@holdfast/actors";
import { type AnyRegistry, type Client, createClientWithDriver, RenamingDriver } from "@holdfast/client";
import {
  defaultNamespace,
  HoldfastError,
  isErrorCode,
  limits,
  type Ports,
  qualifiedName,
  systemPorts,
} from "@holdfast/core";
import { programDriver } from "./cluster/forwarding/program-driver.ts";
import type { Cluster } from "./cluster/node/cluster.ts";
import type { NodeConnections } from "./cluster/node/node-connections.ts";
import type { ClusterOptions } from "./cluster/node/options.ts";
import { notListening, ServerlessRunner } from "./cluster/serverless/runner.ts";
import { StoreClock } from "./cluster/store-clock.ts";
import { Directory } from "./directory/directory.ts";
import { createFetchGateway, type FetchGateway } from "./gateway/http/fetch.ts";
import { NodeGateway } from "./gateway/http/node-gateway.ts";
import { problemResponse } from "./gateway/http/problem-response.ts";
import type { GatewayOptions } from "./gateway/options.ts";
import { exposesErrors, slowCallMs } from "./gateway/process/environment.ts";
import { keepProcessAlive } from "./gateway/process/keep-process-alive.ts";
import { type LegacyServer, legacyServer } from "./gateway/process/legacy-server.ts";
import { type Listening, listen } from "./gateway/process/listen.ts";
import { monotonicMs } from "./gateway/process/monotonic.ts";
import { processMetrics } from "./gateway/process/process-metrics.ts";
import { attachUpgrades, type UpgradingServer } from "./gateway/sockets/upgrades.ts";
import { healthBody, metadataBody } from "./health.ts";
import { type MessageLimits, serverLimits } from "./limits.ts";
import { keepAliveDriver } from "./local/keep-alive-driver.ts";
import { clientOfActor, LocalDriver } from "./local/local-driver.ts";
import { Namespaces } from "./namespaces/namespaces.ts";
import {
  checkName,
  type Definitions,
  type ListenOptions,
  type OfTheRuntime,
  type RegistryConfig,
} from "./registry-config.ts";
import { lifetimeOf, type RegistryLifetime } from "./shutdown.ts";

/** Actors, their store, and the ways to reach them. Created with {@link createRegistry}. */
export class Registry<Actors extends Definitions> implements AnyRegistry {
  /** Type-only: clients infer their types from it. */
  declare readonly "~actors"?: Actors;
  /** The options that it was created with. */
  readonly settings: RegistryConfig<Actors>;
  readonly #ports: Ports;
  /** The clock of `#ports` in a cluster. */
  readonly #storeClock: StoreClock | undefined;
  readonly #messageLimits: MessageLimits;
  readonly #gatewayOptions: GatewayOptions;
  readonly #lifetime: RegistryLifetime;
  readonly #namespaces: Namespaces;
  /** Undefined for a process that runs until it is stopped. */
  readonly #serverless: ServerlessRunner | undefined;
  #directory: Promise<Directory> | undefined;
  #suspending: Promise<void> | undefined;
  #nodes: Cluster | undefined;
  /** The same, once it has joined. */
  #joined: Cluster | undefined;
  /** By namespace. */
  readonly #clients = new Map<string, Client<Registry<Actors>>>();
  #fetch: FetchGateway | undefined;
  /** Listening servers, including those that are starting. */
  readonly #listening = new Set<Promise<Listening>>();
  readonly #mounted = new Set<NodeGateway>();
  #started: Promise<Listening> | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: RegistryConfig<Actors>) {
    this.settings = config;
    const ports = config.ports ?? systemPorts();
    this.#storeClock = config.cluster === undefined ? undefined : new StoreClock(ports.clock, monotonicMs);
    this.#ports = this.#storeClock === undefined ? ports : { ...ports, clock: this.#storeClock };
    this.#messageLimits = {
      maxIncomingBytes: config.gateway?.maxIncomingMessageBytes ?? limits.maxIncomingMessageBytes,
      maxOutgoingBytes: config.gateway?.maxOutgoingMessageBytes ?? limits.maxOutgoingMessageBytes,
    };
    this.#gatewayOptions = { metadata: () => metadataBody(this.settings.use), ...config.gateway };
    this.#lifetime = lifetimeOf(config.shutdown, this.#ports, () => this.shutdown());
    this.#serverless = this.#createRunner(config.cluster);
    const definitions = Object.keys(config.use);
    for (const name of definitions) checkName(name);
    this.#namespaces = new Namespaces({
      ...{ namespaces: config.namespaces, ownName: config.namespace, definitions },
    });
  }

  /** A client within this process: no socket, the same semantics. */
  get client(): Client<Registry<Actors>> {
    return this.clientFor(defaultNamespace);
  }

  /** As {@link client}, for the actors of a namespace. */
  clientFor(namespace: string): Client<Registry<Actors>> {
    let client = this.#clients.get(namespace);
    if (client === undefined) {
      const local = new LocalDriver(() => this.directory(), this.#ports, this.#messageLimits);
      const reaching =
        this.settings.cluster === undefined
          ? local
          : programDriver(local, { joined: () => this.#joined, directory: () => this.directory() });
      const driver =
        namespace === defaultNamespace
          ? reaching
          : new RenamingDriver(reaching, (name) => qualifiedName(namespace, name));
      client = createClientWithDriver<Registry<Actors>>(keepAliveDriver(driver));
      this.#clients.set(namespace, client);
      // Within this process nothing recovers by itself, so calls are not retried.
      if (this.#closing !== undefined) void client.dispose();
    }
    return client;
  }

  readonly routes = {
    /** The body of `GET /health`: status, runtime and version. */
    health: async (): Promise<Response> =>
      Response.json(healthBody(this.#closing === undefined ? "ok" : "shutting-down")),
    /** The body of `GET /metadata`: runtime, version, and the names of the actors. */
    metadata: async (): Promise<Response> => Response.json(metadataBody(this.settings.use)),
    /** The body of `GET /metrics`, in the text format of Prometheus. */
    prometheusMetrics: async (_request?: Request): Promise<Response> => {
      const { metrics } = this.#gatewayOptions;
      const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
      const text =
        metrics === undefined ? (await this.directory()).metrics() + processMetrics() : await metrics();
      return new Response(text, { headers });
    },
  };

  /**
   * Listens with the defaults, once, however often it is called. Throws `gateway.port_in_use` and errors of the store;
   * it may be retried after that.
   */
  start(): Promise<Listening> {
    if (this.#closing !== undefined) return this.listen();
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<Listening> {
    try {
      const listening = await this.listen();
      this.settings.welcome?.(listening.url);
      return listening;
    } catch (error) {
      const { taken } = this.settings;
      if (taken !== undefined && isTaken(error)) {
        this.#started?.catch(() => undefined);
        taken(error);
      }
      this.#started = undefined;
      throw error;
    }
  }

  /** As {@link start}; resolves when the registry accepts requests. */
  async startAndWait(): Promise<void> {
    await this.start();
  }

  /** As {@link start}: here, one process hosts the actors and serves them. */
  startEnvoy(): Promise<Listening> {
    return this.start();
  }

  /** Listens. Throws `gateway.port_in_use`, `gateway.cannot_listen`, and errors of the store. */
  listen(options: ListenOptions = {}): Promise<Listening> {
    return this.#listen(options, this.#gatewayOptions);
  }

  /** A handler for servers that accept one: `export default registry.serve()`. */
  serve(): { fetch(request: Request, ...rest: OfTheRuntime): Promise<Response> } {
    return { fetch: (request) => this.handler(request) };
  }

  /**
   * Serves one request of a server of your own, at any mount path. WebSockets need {@link attach}, or a server that
   * the registry started.
   */
  handler(request: Request): Promise<Response> {
    const serve = (): Promise<Response> => this.#serve(request);
    return this.#serverless === undefined ? serve() : this.#serverless.handle(request, serve);
  }

  async #serve(request: Request): Promise<Response> {
    try {
      const directory = await this.directory();
      this.#fetch ??= createFetchGateway(directory, { basePath: "anywhere", ...this.#mountedOptions() });
      return await this.#fetch(request);
    } catch (error) {
      return problemResponse(error, this.#ports);
    }
  }

  /** Handles the WebSockets of actors on a server of your own; `basePath` is the mount path of the registry. */
  attach(server: UpgradingServer, options: { readonly basePath?: string } = {}): void {
    const { basePath = "" } = options;
    let opened: { readonly directory: Directory; readonly gateway: Promise<NodeGateway> } | undefined;
    const open = async (): Promise<NodeGateway> => {
      // A serverless process may have left and joined again.
      const directory = await this.directory();
      if (opened?.directory !== directory) opened = { directory, gateway: this.nodeGateway(basePath) };
      return opened.gateway;
    };
    attachUpgrades(server, { basePath, open, rivetClients: this.#gatewayOptions.rivetClients === true });
  }

  /** The gateway for requests of `node:http`, for adapters of frameworks. */
  async nodeGateway(basePath: string): Promise<NodeGateway> {
    const gateway = new NodeGateway(await this.directory(), { ...this.#mountedOptions(), basePath });
    this.#mounted.add(gateway);
    return gateway;
  }

  /** An API of version 0.9: `const { client, serve, hono } = registry.createServer()`. */
  createServer(): LegacyServer<Client<Registry<Actors>>> {
    return legacyServer(this.client, {
      handler: (request) => this.handler(request),
      listen: (options) => this.#listen(options, { ...this.#gatewayOptions, basePath: ["/registry", ""] }),
    });
  }

  /** Connections to other nodes; undefined on a single node, and before the first call of {@link directory}. */
  get nodes(): NodeConnections | undefined {
    return this.#nodes;
  }

  /** The live actors; opens the store on the first call. */
  directory(): Promise<Directory> {
    if (this.#closing !== undefined) {
      return Promise.reject(
        new HoldfastError("gateway", "shutting_down", "The registry has been shut down", { statusCode: 503 }),
      );
    }
    if (this.#suspending !== undefined) return this.#suspending.then(() => this.directory());
    this.#directory ??= this.#open();
    return this.#directory;
  }

  /** True for a process behind scale-to-zero HTTP, which no client connects to directly. */
  get isServerless(): boolean {
    return this.#serverless !== undefined;
  }

  /**
   * Stops accepting requests, lets every actor sleep, and closes the store. Everything acknowledged before is durable
   * in any case. Idempotent.
   */
  shutdown(): Promise<void> {
    this.#closing ??= this.#heldShutdown();
    return this.#closing;
  }

  /** Nothing else may keep the process alive, and actors still have to go to sleep. */
  async #heldShutdown(): Promise<void> {
    const release = keepProcessAlive();
    try {
      await this.#shutdown();
    } finally {
      release();
    }
  }

  async #listen(options: ListenOptions, gateway: GatewayOptions): Promise<Listening> {
    const listening = this.#beginToListen(options, gateway);
    this.#listening.add(listening);
    try {
      return await listening;
    } catch (error) {
      this.#listening.delete(listening);
      throw error;
    }
  }

  #createRunner(cluster: ClusterOptions | undefined): ServerlessRunner | undefined {
    const options = cluster?.serverless;
    if (cluster === undefined || options === undefined || options === false) return undefined;
    const current = (): Cluster | undefined => this.#nodes;
    return new ServerlessRunner(cluster, options === true ? {} : options, {
      ports: this.#ports,
      get node() {
        return current();
      },
      open: () => this.directory(),
      suspend: () => this.#suspend(),
      metadata: () => this.routes.metadata(),
      health: () => this.routes.health(),
    });
  }

  /** Leaves the cluster and closes the store; the next request opens it again. */
  #suspend(): Promise<void> {
    this.#suspending ??= this.#suspendNow().finally(() => {
      this.#suspending = undefined;
    });
    return this.#suspending;
  }

  async #suspendNow(): Promise<void> {
    const release = keepProcessAlive();
    try {
      const directory = await this.#directory?.catch(() => undefined);
      await directory?.cluster?.drain();
      await directory?.shutdown();
      await Promise.all([...this.#mounted].map((each) => each.close()));
    } finally {
      this.#mounted.clear();
      this.#directory = undefined;
      this.#fetch = undefined;
      this.#nodes = undefined;
      this.#joined = undefined;
      this.#lifetime.ended();
      release();
    }
  }

  async #beginToListen(options: ListenOptions, gateway: GatewayOptions): Promise<Listening> {
    if (this.#serverless !== undefined) throw notListening();
    const directory = await this.directory();
    const listening = await listen(directory, { ...gateway, ...this.settings.listen, ...options });
    const base = typeof gateway.basePath === "string" ? gateway.basePath.replace(/\/$/, "") : "";
    directory.publicUrl ??= `${listening.url}${base}`;
    this.#lifetime.began();
    return listening;
  }

  /** The outer server checks hosts: its policy applies, unless one was given here. */
  #mountedOptions(): GatewayOptions {
    return { anyHost: this.#gatewayOptions.hosts === undefined, ...this.#gatewayOptions };
  }

  async #open(): Promise<Directory> {
    let store: ActorStore | undefined;
    try {
      store = await this.settings.store(this.#ports);
      const directory = new Directory({
        definitions: this.settings.use,
        store,
        ports: this.#ports,
        messageLimits: this.#messageLimits,
        clientFor: clientOfActor,
        exposeErrors: exposesErrors(),
        slowCallMs: slowCallMs(),
        region: this.settings.cluster?.region ?? this.settings.region,
        namespaces: this.#namespaces,
        ...(this.settings.gateway?.resume && { resume: this.settings.gateway.resume }),
      });
      if (this.settings.cluster !== undefined && this.#storeClock !== undefined) {
        await this.#joinCluster(directory, this.settings.cluster, this.#storeClock);
      }
      this.#joined = this.#nodes;
      directory.alarms.start();
      if (this.#serverless !== undefined) {
        this.#lifetime.began();
        this.#serverless.opened(directory);
      }
      return directory;
    } catch (error) {
      // The next request retries: the cause may have been fixed.
      this.#directory = undefined;
      await store?.close();
      throw error;
    }
  }

  async #joinCluster(directory: Directory, options: ClusterOptions, clock: StoreClock): Promise<void> {
    const { region } = this.settings;
    const regional = region === undefined ? options : { region, ...options };
    // Loaded here: a process of its own has no use for it.
    const { createCluster } = await import("./cluster/node/create-cluster.ts");
    const cluster = createCluster(directory, regional, this.#gatewayOptions, clock);
    // Before it starts: other nodes may send requests as soon as it has joined.
    directory.cluster = cluster;
    this.#nodes = cluster;
    directory.admission.limits = {
      maxCalls: options.maxCallsInProgress ?? serverLimits.maxCallsInProgress,
      maxBytes: serverLimits.maxCallBytesInProgress,
    };
    await cluster.start();
  }

  async #shutdown(): Promise<void> {
    await this.#suspending;
    const directory = await this.#directory?.catch(() => undefined);
    this.#serverless?.stopping();
    // Its actors wake on other nodes, to which this one passes requests on as long as it listens.
    await directory?.cluster?.drain();
    const begun = await Promise.allSettled(this.#listening);
    const listening = begun.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    for (const each of listening) each.stopAccepting();
    await directory?.shutdown();
    this.#serverless?.left();
    await Promise.all([...this.#mounted].map((each) => each.close()));
    await Promise.all(listening.map((each) => each.close()));
    await Promise.all([...this.#clients.values()].map((client) => client.dispose()));
    this.#lifetime.ended();
  }
}

/** Creates a registry over the given store. Nothing is opened before it is needed. */
export function createRegistry<const Actors extends Definitions>(
  config: RegistryConfig<Actors>,
): Registry<Actors> {
  return new Registry(config);
}

function isTaken(error: unknown): error is HoldfastError {
  return isErrorCode(error, "gateway", "port_in_use") || isErrorCode(error, "store", "locked");
}
