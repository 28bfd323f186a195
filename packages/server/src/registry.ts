import type { ActorStore, AnyDefinition } from "@holdfast/actors";
import {
  type ActorTarget,
  type AnyActorDefinition,
  type AnyRegistry,
  type Client,
  type ClientDriver,
  createClientWithDriver,
} from "@holdfast/client";
import { HoldfastError, isErrorCode, limits, type Ports, systemPorts } from "@holdfast/core";
import { ClusterDriver } from "./cluster/forwarding/cluster-driver.ts";
import { createCluster } from "./cluster/node/create-cluster.ts";
import type { DirectoryCluster } from "./cluster/node/directory-cluster.ts";
import type { ClusterOptions } from "./cluster/node/options.ts";
import { Directory } from "./directory/directory.ts";
import type { FetchApplication } from "./gateway/application.ts";
import { createFetchGateway, type FetchGateway } from "./gateway/http/fetch.ts";
import { NodeGateway } from "./gateway/http/node-gateway.ts";
import { problemResponse } from "./gateway/http/problem-response.ts";
import type { GatewayOptions } from "./gateway/options.ts";
import { exposesErrors } from "./gateway/process/environment.ts";
import { keepProcessAlive } from "./gateway/process/keep-process-alive.ts";
import { type LegacyServer, legacyServer } from "./gateway/process/legacy-server.ts";
import { type Listening, listen } from "./gateway/process/listen.ts";
import { processMetrics } from "./gateway/process/process-metrics.ts";
import { attachUpgrades, type UpgradingServer } from "./gateway/sockets/upgrades.ts";
import { healthBody } from "./health.ts";
import { type MessageLimits, version } from "./limits.ts";
import { keepAliveDriver } from "./local/keep-alive-driver.ts";
import { clientOfActor, LocalDriver } from "./local/local-driver.ts";
import { lifetimeOf, type RegistryLifetime, type ShutdownOptions } from "./shutdown.ts";

/** The actors of a registry by name: the return values of `actor()`. */
export type Definitions = Readonly<Record<string, AnyDefinition & AnyActorDefinition>>;

/** Options of `createRegistry`. */
export interface RegistryConfig<Actors extends Definitions> {
  readonly use: Actors;
  /** Opens the store; called once, on first use. */
  readonly store: () => ActorStore | Promise<ActorStore>;
  readonly ports?: Ports;
  /** `c.region` of the actors: "local" by default. */
  readonly region?: string;
  /** Makes this process a node of a cluster; requires a store that several nodes can share. */
  readonly cluster?: ClusterOptions;
  readonly gateway?: GatewayOptions;
  /** Defaults for `start` and `listen`. */
  readonly listen?: ListenOptions;
  /** How the registry shuts down. Without it, SIGTERM and SIGINT are left to the program. */
  readonly shutdown?: ShutdownOptions;
  /** Called with the URL when `start` listens. */
  readonly welcome?: (url: string) => void;
  /**
   * Called with the error of a `start` that finds the port or the data directory in use: then a `start` that is not
   * awaited does not end the process.
   */
  readonly taken?: (error: HoldfastError) => void;
}

/** Address of a registry, and what it serves beside the actors. */
export interface ListenOptions {
  /** 6420 by default, or HOLDFAST_PORT; 0 selects a free port. */
  readonly port?: number;
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** A directory whose files are served beside the actors. */
  readonly publicDir?: string;
  /** Serves all other paths, such as a `new Hono()`. */
  readonly application?: FetchApplication;
}

// biome-ignore lint/suspicious/noExplicitAny: what a runtime hands over beside the request (its environment, its context) has a type of that runtime.
type OfTheRuntime = any;

/** A request handler in the form that JavaScript runtimes accept. */
export type FetchHandler = (request: Request, ...rest: OfTheRuntime) => Response | Promise<Response>;

/** Actors, their store, and the ways to reach them. Created with {@link createRegistry}. */
export class Registry<Actors extends Definitions> implements AnyRegistry {
  /** Type-only: clients infer their types from it. */
  declare readonly "~actors"?: Actors;
  /** The options that it was created with. */
  readonly settings: RegistryConfig<Actors>;
  readonly #ports: Ports;
  readonly #messageLimits: MessageLimits;
  readonly #gatewayOptions: GatewayOptions;
  readonly #lifetime: RegistryLifetime;
  #directory: Promise<Directory> | undefined;
  #client: Client<Registry<Actors>> | undefined;
  #fetch: FetchGateway | undefined;
  /** Listening servers, including those that are starting. */
  readonly #listening = new Set<Promise<Listening>>();
  readonly #mounted = new Set<NodeGateway>();
  #started: Promise<Listening> | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: RegistryConfig<Actors>) {
    this.settings = config;
    this.#ports = config.ports ?? systemPorts();
    this.#messageLimits = {
      maxIncomingBytes: config.gateway?.maxIncomingMessageBytes ?? limits.maxIncomingMessageBytes,
      maxOutgoingBytes: config.gateway?.maxOutgoingMessageBytes ?? limits.maxOutgoingMessageBytes,
    };
    this.#gatewayOptions = { metadata: () => this.#metadata(), ...config.gateway };
    this.#lifetime = lifetimeOf(config.shutdown, this.#ports, () => this.shutdown());
    for (const name of Object.keys(config.use)) checkName(name);
  }

  /** A client within this process: no socket, the same semantics. */
  get client(): Client<Registry<Actors>> {
    if (this.#client === undefined) {
      const driver = new LocalDriver(() => this.directory(), this.#ports, this.#messageLimits);
      const reaching = this.settings.cluster === undefined ? driver : this.#clusterDriver(driver);
      this.#client = createClientWithDriver<Registry<Actors>>(keepAliveDriver(reaching));
      // Within this process nothing recovers by itself, so calls are not retried.
      if (this.#closing !== undefined) void this.#client.dispose();
    }
    return this.#client;
  }

  readonly routes = {
    /** The body of `GET /health`: status, runtime and version. */
    health: async (): Promise<Response> =>
      Response.json(healthBody(this.#closing === undefined ? "ok" : "shutting-down")),
    /** The body of `GET /metadata`: runtime, version, and the names of the actors. */
    metadata: async (): Promise<Response> => Response.json(this.#metadata()),
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
  async handler(request: Request): Promise<Response> {
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
    attachUpgrades(server, basePath, () => this.nodeGateway(basePath));
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

  /** The live actors; opens the store on the first call. */
  directory(): Promise<Directory> {
    if (this.#closing !== undefined) {
      return Promise.reject(
        new HoldfastError("gateway", "shutting_down", "The registry has been shut down", { statusCode: 503 }),
      );
    }
    this.#directory ??= this.#open();
    return this.#directory;
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

  async #beginToListen(options: ListenOptions, gateway: GatewayOptions): Promise<Listening> {
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

  #metadata(): unknown {
    const actorNames = Object.fromEntries(
      Object.entries(this.settings.use).map(([name, definition]) => {
        const { displayName, icon } = definition["~definition"];
        return [name, { metadata: { ...(displayName && { name: displayName }), ...(icon && { icon }) } }];
      }),
    );
    return { runtime: "holdfast", version: version, actorNames };
  }

  async #open(): Promise<Directory> {
    let store: ActorStore | undefined;
    try {
      store = await this.settings.store();
      const directory = new Directory({
        definitions: this.settings.use,
        store,
        ports: this.#ports,
        messageLimits: this.#messageLimits,
        clientFor: clientOfActor,
        exposeErrors: exposesErrors(),
        region: this.settings.region,
        ...(this.settings.gateway?.resume && { resume: this.settings.gateway.resume }),
      });
      if (this.settings.cluster !== undefined) await this.#joinCluster(directory, this.settings.cluster);
      directory.alarms.start();
      return directory;
    } catch (error) {
      // The next request retries: the cause may have been fixed.
      this.#directory = undefined;
      await store?.close();
      throw error;
    }
  }

  /** For the program itself, which may ask before the store is open. */
  #clusterDriver(local: ClientDriver): ClientDriver {
    let cluster: DirectoryCluster | undefined;
    let remote: ClientDriver | undefined;
    const opened = async (): Promise<DirectoryCluster | undefined> => {
      cluster = (await this.directory()).cluster;
      return cluster;
    };
    const placement = {
      isHere: (target: ActorTarget) => cluster?.isHere(target) !== false,
      locate: (target: ActorTarget) =>
        cluster === undefined ? opened().then((each) => each?.locate(target)) : cluster.locate(target),
    };
    return new ClusterDriver({
      ...{ placement, local, caller: undefined },
      remote: () => {
        remote ??= cluster?.remoteDriver();
        return remote ?? local;
      },
    });
  }

  async #joinCluster(directory: Directory, options: ClusterOptions): Promise<void> {
    const cluster = createCluster(directory, options, this.#gatewayOptions);
    // Before it starts: other nodes may send requests as soon as it has joined.
    directory.cluster = cluster;
    await cluster.start();
  }

  async #shutdown(): Promise<void> {
    const directory = await this.#directory?.catch(() => undefined);
    // Its actors wake on other nodes, to which this one passes requests on as long as it listens.
    await directory?.cluster?.drain();
    const begun = await Promise.allSettled(this.#listening);
    const listening = begun.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    for (const each of listening) each.stopAccepting();
    await directory?.shutdown();
    await Promise.all([...this.#mounted].map((each) => each.close()));
    await Promise.all(listening.map((each) => each.close()));
    await this.#client?.dispose();
    this.#lifetime.ended();
  }
}

/** Throws `actor.invalid_name`. */
function checkName(name: string): void {
  const isDots = name === "." || name === "..";
  if (name.length > 0 && name.length <= limits.maxActorNameLength && !isDots) return;
  const message = `"${name}" is not a valid actor name: use 1 to ${limits.maxActorNameLength} characters`;
  throw new HoldfastError("actor", "invalid_name", message);
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
