/** Options of a registry, and what it checks of them. */
import type { ActorStore, AnyDefinition } from "@holdfast/actors";
import type { AnyActorDefinition } from "@holdfast/client";
import { HoldfastError, limits, type Ports } from "@holdfast/core";
import type { ClusterOptions } from "./cluster/node/options.ts";
import type { FetchApplication } from "./gateway/application.ts";
import type { GatewayOptions } from "./gateway/options.ts";
import type { NamespacesOptions } from "./namespaces/namespaces.ts";
import type { ShutdownOptions } from "./shutdown.ts";

/** The actors of a registry by name: the return values of `actor()`. */
export type Definitions = Readonly<Record<string, AnyDefinition & AnyActorDefinition>>;

/** Options of `createRegistry`. */
export interface RegistryConfig<Actors extends Definitions> {
  readonly use: Actors;
  /** Opens the store with the ports of the registry; called once, on first use. */
  readonly store: (ports: Ports) => ActorStore | Promise<ActorStore>;
  readonly ports?: Ports;
  /** `c.region` of the actors: "local" by default. */
  readonly region?: string;
  /** Separate key spaces beside the default one, by name, each with its own token. */
  readonly namespaces?: NamespacesOptions;
  /** A second name of the default namespace, by which clients may call it. */
  readonly namespace?: string;
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
export type OfTheRuntime = any;

/** A request handler in the form that JavaScript runtimes accept. */
export type FetchHandler = (request: Request, ...rest: OfTheRuntime) => Response | Promise<Response>;

/** Throws `actor.invalid_name`. */
export function checkName(name: string): void {
  const isDots = name === "." || name === "..";
  if (name.length > 0 && name.length <= limits.maxActorNameLength && !isDots) return;
  const message = `"${name}" is not a valid actor name: use 1 to ${limits.maxActorNameLength} characters`;
  throw new HoldfastError("actor", "invalid_name", message);
}
