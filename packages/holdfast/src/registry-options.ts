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
import type { LogLevel } from "./log.ts";

/** A logger of another library, such as pino: fields first, then the message. */
export interface ForeignLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SetupOptions<Actors extends Definitions> {
  /** The actors by name: `{ counter, chatRoom }`. */
  readonly use: Actors;
  /** Where actors are kept: ".holdfast" below the working directory, or HOLDFAST_DATA. */
  readonly dataDirectory?: string;
  /** Instead of SQLite in `dataDirectory`. */
  readonly store?: () => ActorStore | Promise<ActorStore>;
  /** Host names beside the loopback ones, or HOLDFAST_HOSTS; see the reference of the server. */
  readonly hosts?: readonly string[];
  /** Origins of web pages that may call, "*" for any: HOLDFAST_ORIGINS, or those of this machine. */
  readonly origins?: readonly string[];
  /** Lets pages of these origins send cookies. */
  readonly credentials?: boolean;
  /** Throws to refuse a request; runs before an actor is woken or made. */
  readonly access?: (info: AccessInfo) => Promise<void> | void;
  /**
   * Who may manage and inspect actors, read metrics and the documents of the API; throws to refuse.
   * Without it, and without a token, only callers from this machine may.
   */
  readonly manage?: (info: ManageInfo) => Promise<void> | void;
  /** Its `token` lets its bearer do all of that: HOLDFAST_INSPECTOR_TOKEN unless given. */
  readonly inspector?: InspectorOptions;
  /** Bytes of an action's arguments or a message: 65,536. */
  readonly maxIncomingMessageSize?: number;
  /** Bytes of a result or an event: 1,048,576. */
  readonly maxOutgoingMessageSize?: number;
  /** Bytes of a request for `onRequest`: 67,108,864. */
  readonly maxRequestBodySize?: number;
  readonly logging?: { readonly level?: LogLevel; readonly baseLogger?: Logger | ForeignLogger };
  readonly ports?: Ports;
  /** How much of the past of each state is kept: 7 days and 256 KiB. */
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number };
  /** How long and how much is kept of what a cut off client misses: 60 s, 1,000 events, 1 MiB. */
  readonly resume?: GatewayOptions["resume"];
  /** What becomes of a client that reads too slowly: "close" unless given. */
  readonly slowReaders?: "close" | "drop-events";
  /** What actors see as `c.region`: "local", or HOLDFAST_REGION. */
  readonly region?: string;
  /** Port to listen on: 6420, or HOLDFAST_PORT. */
  readonly httpPort?: number;
  /** Address to listen on: 127.0.0.1, or HOLDFAST_HOST. */
  readonly httpHost?: string;
  /** Where the gateway is mounted: "/". */
  readonly httpBasePath?: string;
  /** A directory whose files are served beside the actors; or HOLDFAST_PUBLIC_DIR. */
  readonly staticDir?: string;
  /** Do not say where the registry listens. */
  readonly noWelcome?: boolean;
  readonly shutdown?: ShutdownOptions;
  /** As `httpPort`, for `start`. */
  readonly enginePort?: number;
  /** As `httpHost`, for `start`. */
  readonly engineHost?: string;
  // What follows speaks of parts that do not exist here: one process holds the actors and answers for them.
  readonly runtime?: "auto" | "native" | "wasm";
  readonly wasm?: { readonly bindings?: unknown; readonly initInput?: unknown };
  readonly sqlite?: "local" | "remote" | { readonly backend: "local" | "remote" };
  readonly endpoint?: string;
  readonly token?: string;
  readonly namespace?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly startEngine?: boolean;
  readonly engineVersion?: string;
  readonly configurePool?: object;
  readonly serverless?: {
    readonly basePath?: string;
    readonly maxStartPayloadBytes?: number;
    readonly publicEndpoint?: string;
    readonly publicToken?: string;
  };
  readonly envoy?: {
    readonly poolName?: string;
    readonly version?: number;
    readonly totalSlots?: number;
  };
  readonly test?: unknown;
}
