import type { ActorStore } from "@holdfast/actors";
import type { Logger, Ports } from "@holdfast/core";
import type {
  AccessInfo,
  Definitions,
  GatewayOptions,
  InspectorOptions,
  ManageInfo,
  ShutdownOptions,
} from "@holdfast/server";
import type { ForeignLogger } from "../internal/foreign-logger.ts";
import type { LogLevel } from "../log.ts";

/** What `setup` takes. */
export interface SetupOptions<Actors extends Definitions> {
  /** The actors by name: `{ counter, chatRoom }`. */
  readonly use: Actors;
  /** Where actors are kept: ".holdfast" below the working directory, or HOLDFAST_DATA. */
  readonly dataDirectory?: string | undefined;
  /** Instead of SQLite in `dataDirectory`. */
  readonly store?: (() => ActorStore | Promise<ActorStore>) | undefined;
  /** Host names beside the loopback ones, or HOLDFAST_HOSTS; see the reference of the server. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins of web pages that may call, "*" for any: HOLDFAST_ORIGINS, or those of this machine. */
  readonly origins?: readonly string[] | undefined;
  /** Lets pages of these origins send cookies. */
  readonly credentials?: boolean | undefined;
  /** Throws to refuse a request; runs before an actor is woken or made. */
  readonly access?: ((info: AccessInfo) => Promise<void> | void) | undefined;
  /**
   * Who may manage and inspect actors, read metrics and the documents of the API; throws to refuse.
   * Without it, and without a token, only callers from this machine may.
   */
  readonly manage?: ((info: ManageInfo) => Promise<void> | void) | undefined;
  /** Its `token` lets its bearer do all of that: HOLDFAST_INSPECTOR_TOKEN unless given. */
  readonly inspector?: InspectorOptions | undefined;
  /** Bytes of an action's arguments or a message: 65,536. */
  readonly maxIncomingMessageSize?: number | undefined;
  /** Bytes of a result or an event: 1,048,576. */
  readonly maxOutgoingMessageSize?: number | undefined;
  /** Bytes of a request for `onRequest`: 67,108,864. */
  readonly maxRequestBodySize?: number | undefined;
  readonly logging?:
    | { readonly level?: LogLevel | undefined; readonly baseLogger?: Logger | ForeignLogger | undefined }
    | undefined;
  readonly ports?: Ports | undefined;
  /** How much of the past of each state is kept: 7 days and 256 KiB. */
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number } | undefined;
  /** How long and how much is kept of what a cut off client misses: 60 s, 1,000 events, 1 MiB. */
  readonly resume?: GatewayOptions["resume"] | undefined;
  /** What becomes of a client that reads too slowly: "close" unless given. */
  readonly slowReaders?: "close" | "drop-events" | undefined;
  /** What actors see as `c.region`: "local", or HOLDFAST_REGION. */
  readonly region?: string | undefined;
  /** Port to listen on: 6420, or HOLDFAST_PORT. */
  readonly httpPort?: number | undefined;
  /** Address to listen on: 127.0.0.1, or HOLDFAST_HOST. */
  readonly httpHost?: string | undefined;
  /** Where the gateway is mounted: "/". */
  readonly httpBasePath?: string | undefined;
  /** A directory whose files are served beside the actors; or HOLDFAST_PUBLIC_DIR. */
  readonly staticDir?: string | undefined;
  /** Do not say where the registry listens. */
  readonly noWelcome?: boolean | undefined;
  readonly shutdown?: ShutdownOptions | undefined;
  /** As `httpPort`, for `start`. */
  readonly enginePort?: number | undefined;
  /** As `httpHost`, for `start`. */
  readonly engineHost?: string | undefined;
  // What follows speaks of parts that do not exist here: one process holds the actors and answers for them.
  readonly runtime?: "auto" | "native" | "wasm" | undefined;
  readonly wasm?: { readonly bindings?: unknown; readonly initInput?: unknown } | undefined;
  readonly sqlite?: "local" | "remote" | { readonly backend: "local" | "remote" } | undefined;
  readonly endpoint?: string | undefined;
  readonly token?: string | undefined;
  readonly namespace?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly startEngine?: boolean | undefined;
  readonly engineVersion?: string | undefined;
  readonly startServices?: boolean | undefined;
  readonly configurePool?: object | undefined;
  readonly serverless?:
    | {
        readonly basePath?: string | undefined;
        readonly maxStartPayloadBytes?: number | undefined;
        readonly publicEndpoint?: string | undefined;
        readonly publicToken?: string | undefined;
      }
    | undefined;
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
