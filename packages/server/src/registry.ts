import type { ActorStore, AnyDefinition } from "@holdfast/actors";
import {
  type AnyActorDefinition,
  type AnyRegistry,
  type Client,
  createClientWithDriver,
} from "@holdfast/client";
import { HoldfastError, limits, type Ports, systemPorts } from "@holdfast/core";
import { Directory } from "./directory.ts";
import { createFetchGateway, type FetchGateway } from "./gateway/fetch.ts";
import { type Listening, listen } from "./gateway/listen.ts";
import type { GatewayOptions } from "./gateway/options.ts";
import type { MessageLimits } from "./limits.ts";
import { LocalDriver } from "./local-driver.ts";

/** The actors of a registry by name, as `actor()` returned them. */
export type Definitions = Readonly<Record<string, AnyDefinition & AnyActorDefinition>>;

export interface RegistryConfig<Actors extends Definitions> {
  readonly use: Actors;
  /** Opens the store; called once, when it is first needed. */
  readonly store: () => ActorStore | Promise<ActorStore>;
  readonly ports?: Ports;
  readonly gateway?: GatewayOptions;
}

export interface ListenOptions {
  /** 6420, or HOLDFAST_PORT; 0 takes a free one. */
  readonly port?: number;
  /** 127.0.0.1 unless given. */
  readonly host?: string;
}

/** Actors, their store, and the ways to reach them. Made with {@link createRegistry}. */
export class Registry<Actors extends Definitions> implements AnyRegistry {
  /** Phantom: where clients infer their types from. */
  declare readonly "~actors"?: Actors;
  readonly config: RegistryConfig<Actors>;
  readonly #ports: Ports;
  readonly #messageLimits: MessageLimits;
  #directory: Promise<Directory> | undefined;
  #client: Client<Registry<Actors>> | undefined;
  #fetch: FetchGateway | undefined;
  readonly #listening = new Set<Listening>();
  #closing: Promise<void> | undefined;

  constructor(config: RegistryConfig<Actors>) {
    this.config = config;
    this.#ports = config.ports ?? systemPorts();
    this.#messageLimits = {
      maxIncomingBytes: config.gateway?.maxIncomingMessageBytes ?? limits.maxIncomingMessageBytes,
      maxOutgoingBytes: config.gateway?.maxOutgoingMessageBytes ?? limits.maxOutgoingMessageBytes,
    };
    for (const name of Object.keys(config.use)) {
      if (name.length === 0 || name.length > limits.maxActorNameLength) {
        const message = `"${name}" is no name for an actor: use 1 to ${limits.maxActorNameLength} characters`;
        throw new HoldfastError("actor", "invalid_name", message);
      }
    }
  }

  /** A client in this process: no socket, the same semantics. */
  get client(): Client<Registry<Actors>> {
    const driver = new LocalDriver(() => this.directory(), this.#ports, this.#messageLimits);
    this.#client ??= createClientWithDriver<Registry<Actors>>(driver);
    return this.#client;
  }

  readonly routes = {
    /** What `GET /health` answers. */
    health: (): Response => Response.json({ status: this.#closing === undefined ? "ok" : "shutting-down" }),
  };

  /** Listens with the defaults. Throws `gateway.port_in_use`, and what the store throws. */
  start(): Promise<Listening> {
    return this.listen();
  }

  /** Listens. Throws `gateway.port_in_use`, `gateway.cannot_listen`, and what the store throws. */
  async listen(options: ListenOptions = {}): Promise<Listening> {
    const directory = await this.directory();
    const listening = await listen(directory, { ...this.config.gateway, ...options });
    this.#listening.add(listening);
    return listening;
  }

  /** Serves one request of a server of your own. Connections need `listen`. */
  async handler(request: Request): Promise<Response> {
    this.#fetch ??= createFetchGateway(await this.directory(), this.config.gateway ?? {});
    return this.#fetch(request);
  }

  /** The live actors; opens the store at the first call. */
  directory(): Promise<Directory> {
    if (this.#closing !== undefined) {
      return Promise.reject(new HoldfastError("gateway", "shutting_down", "The registry was shut down"));
    }
    this.#directory ??= this.#open();
    return this.#directory;
  }

  /**
   * Takes no more requests, lets every actor sleep, closes the store. Resolves when all is done; what
   * was acknowledged before is durable in any case. Idempotent.
   */
  shutdown(): Promise<void> {
    this.#closing ??= this.#shutdown();
    return this.#closing;
  }

  async #open(): Promise<Directory> {
    try {
      const store = await this.config.store();
      const directory = new Directory({
        definitions: this.config.use,
        store,
        ports: this.#ports,
        messageLimits: this.#messageLimits,
        ...(this.config.gateway?.resume && { resume: this.config.gateway.resume }),
      });
      directory.alarms.start();
      return directory;
    } catch (error) {
      // The next request tries again: the cause may have been mended.
      this.#directory = undefined;
      throw error;
    }
  }

  async #shutdown(): Promise<void> {
    const directory = await this.#directory?.catch(() => undefined);
    const listening = [...this.#listening];
    for (const each of listening) each.stopAccepting();
    await directory?.shutdown();
    await Promise.all(listening.map((each) => each.close()));
    await this.#client?.dispose();
  }
}

/** Makes a registry over the given store. Nothing is opened before it is needed. */
export function createRegistry<const Actors extends Definitions>(
  config: RegistryConfig<Actors>,
): Registry<Actors> {
  return new Registry(config);
}
