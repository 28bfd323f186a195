import type { ActorStore } from "@holdfast/actors";
import type { Logger, Ports } from "@holdfast/core";
import type {
  AccessInfo,
  ClusterOptions,
  Definitions,
  GatewayOptions,
  InspectorOptions,
  ManageInfo,
  NamespacesOptions,
  ShutdownOptions,
} from "@holdfast/server";
import type { ForeignLogger } from "../internal/foreign-logger.ts";
import type { LogLevel } from "../log.ts";

/** The options of `setup`. */
export interface SetupOptions<Actors extends Definitions> {
  /** The actors by name: `{ counter, chatRoom }`. */
  readonly use: Actors;
  /** The directory of the actors' data: ".holdfast" in the working directory by default, or HOLDFAST_DATA. */
  readonly dataDirectory?: string | undefined;
  /**
   * The store to use instead of SQLite in `dataDirectory`: the URL of a PostgreSQL, Redis or Valkey server, or
   * HOLDFAST_STORE (requires the package `@holdfast/store-postgres` or `@holdfast/store-redis`); or a function that
   * opens one.
   */
  readonly store?: string | (() => ActorStore | Promise<ActorStore>) | undefined;
  /**
   * Makes this process a node of a cluster, with the other processes over the same store; or HOLDFAST_ADVERTISE and
   * HOLDFAST_CLUSTER_SECRET.
   */
  readonly cluster?: Partial<ClusterOptions> | undefined;
  /**
   * Separate key spaces beside the default one, by name: `{ acme: { token: "..." } }`, or HOLDFAST_NAMESPACES. A token
   * opens its own namespace only; "default" may be listed to give that one a token.
   */
  readonly namespaces?: NamespacesOptions | undefined;
  /** A second name of the default namespace, by which clients may call it. */
  readonly namespace?: string | undefined;
  /** Accepted host names beside the loopback ones, or HOLDFAST_HOSTS; see the reference of the server. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins of web pages that may call, "*" for any; HOLDFAST_ORIGINS, or those of this machine by default. */
  readonly origins?: readonly string[] | undefined;
  /** Lets pages of these origins send cookies. */
  readonly credentials?: boolean | undefined;
  /** Also serves clients of `rivetkit` 2.3 on their own wire: true by default. */
  readonly rivetClients?: boolean | undefined;
  /** Throws to refuse a request; runs before an actor is woken or created. */
  readonly access?: ((info: AccessInfo) => Promise<void> | void) | undefined;
  /**
   * Decides who may manage and inspect actors and read metrics and API documents; throws to refuse. Without it, and
   * without a token, only callers on this machine may.
   */
  readonly manage?: ((info: ManageInfo) => Promise<void> | void) | undefined;
  /**
   * A bearer of its `token` may do all of that, one of its `metricsToken` read the metrics; HOLDFAST_INSPECTOR_TOKEN and
   * HOLDFAST_METRICS_TOKEN by default.
   */
  readonly inspector?: InspectorOptions | undefined;
  /** Maximum size of an action's arguments or of a message, in bytes: 65,536 by default. */
  readonly maxIncomingMessageSize?: number | undefined;
  /** Maximum size of a result or an event, in bytes: 1,048,576 by default. */
  readonly maxOutgoingMessageSize?: number | undefined;
  /** Maximum size of a request for `onRequest`, in bytes: 67,108,864 by default. */
  readonly maxRequestBodySize?: number | undefined;
  readonly logging?:
    | { readonly level?: LogLevel | undefined; readonly baseLogger?: Logger | ForeignLogger | undefined }
    | undefined;
  readonly ports?: Ports | undefined;
  /** How much history of each state is kept: 7 days and 256 KiB by default. */
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number } | undefined;
  /** How much is kept for a disconnected client, and for how long: 60 s, 1,000 events and 1 MiB by default. */
  readonly resume?: GatewayOptions["resume"] | undefined;
  /** What happens to a client that reads too slowly: "close" by default. */
  readonly slowReaders?: "close" | "drop-events" | undefined;
  /** The value of `c.region`: "local" by default, or HOLDFAST_REGION. */
  readonly region?: string | undefined;
  /** Port to listen on: 6420 by default, or HOLDFAST_PORT. */
  readonly httpPort?: number | undefined;
  /** Address to listen on: 127.0.0.1 by default, or HOLDFAST_HOST. */
  readonly httpHost?: string | undefined;
  /** Path under which the gateway is mounted: "/" by default. */
  readonly httpBasePath?: string | undefined;
  /** A directory whose files are served beside the actors, or HOLDFAST_PUBLIC_DIR. */
  readonly staticDir?: string | undefined;
  /** Does not print the address of the registry. */
  readonly noWelcome?: boolean | undefined;
  readonly shutdown?: ShutdownOptions | undefined;
  /** As `httpPort`, for `start`. */
  readonly enginePort?: number | undefined;
  /** As `httpHost`, for `start`. */
  readonly engineHost?: string | undefined;
  // The options below configure parts that do not exist here: one process hosts the actors and serves them.
  readonly runtime?: "auto" | "native" | "wasm" | undefined;
  readonly wasm?: { readonly bindings?: unknown; readonly initInput?: unknown } | undefined;
  readonly sqlite?: "local" | "remote" | { readonly backend: "local" | "remote" } | undefined;
  readonly endpoint?: string | undefined;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly startEngine?: boolean | undefined;
  readonly engineVersion?: string | undefined;
  readonly startServices?: boolean | undefined;
  /** Refused: `cluster.serverlessPools` names the programs that a node starts. */
  readonly configurePool?: undefined;
  /** Refused: `cluster.serverless` makes this program a serverless node. */
  readonly serverless?: undefined;
  readonly envoy?:
    | {
        readonly poolName?: string | undefined;
        readonly version?: number | undefined;
        readonly totalSlots?: number | undefined;
        readonly envoyKey?: string | undefined;
      }
    | undefined;
  readonly test?: unknown;
}

/** The options of `setup` with their defaults. */
export interface ParsedConfig extends SetupOptions<Definitions> {
  readonly dataDirectory: string;
  readonly maxIncomingMessageSize: number;
  readonly maxOutgoingMessageSize: number;
  readonly maxRequestBodySize: number;
  readonly namespace: string;
  readonly region: string;
  readonly noWelcome: boolean;
  readonly httpBasePath: string;
  readonly httpPort: number;
  readonly httpHost: string;
  readonly shutdown: Required<ShutdownOptions>;
}
