import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ActorKey } from "@holdfast/core";
import type { ResumeLimits } from "../limits.ts";
import type { InspectorOptions, ManageInfo } from "../management/access.ts";

/** What the `access` hook returns: nothing, or a signal that ends a connection. */
export type AccessAnswer = Promise<AbortSignal | undefined> | Promise<void> | AbortSignal | undefined | void;

/** The operation that the `access` hook decides about; nothing has been woken, read or created yet. */
export interface AccessInfo {
  readonly kind:
    | "action"
    | "send"
    | "connect"
    | "resolve"
    | "create"
    | "cancel"
    | "request"
    | "websocket"
    | "reload";
  readonly actor: string;
  /** The namespace of the actor; its token, if it has one, has been checked. */
  readonly namespace: string;
  /** The actor's key, or its id. */
  readonly key: ActorKey | undefined;
  readonly id: string | undefined;
  /** The action, for kind "action", or the queue, for kind "send"; also checked for each call over a connection. */
  readonly action: string | undefined;
  readonly method: string;
  /** Returns a request header by its lower-case name. */
  header(name: string): string | undefined;
}

/** Who may reach actors over the network, and how. */
export interface GatewayOptions {
  /** Accepted host names (without port) beside the loopback ones, such as "actors.example.com". */
  readonly hosts?: readonly string[];
  /**
   * Accepts every Host: for a handler inside another server, which checks hosts itself. False by default; a registry
   * sets it for handlers if `hosts` is not given.
   */
  readonly anyHost?: boolean;
  /**
   * Origins of pages that may call, beside the server's own: "https://app.example.com". "*" allows any origin, but
   * only listed ones may send cookies: not for a registry that trusts a cookie.
   */
  readonly origins?: readonly string[];
  /**
   * Also allows pages of loopback origins ("http://localhost:5173"), on any port: for development, not for a registry
   * that trusts a cookie. False by default.
   */
  readonly loopbackOrigins?: boolean;
  /** Allows pages of listed origins to send cookies and read the responses. False by default. */
  readonly credentials?: boolean;
  /**
   * Mount path of the gateway: "/api/holdfast". With "anywhere", whatever precedes `/actors/` is taken for it, for a
   * handler inside another server. "" by default; of several, the first match counts.
   */
  readonly basePath?: string | readonly string[];
  /**
   * Also serves clients of `rivetkit` 2.3, on their own wire: below `/gateway/`, and their requests for `/actors`. The
   * same hooks decide about them. False by default.
   */
  readonly rivetClients?: boolean;
  /**
   * What happens to a WebSocket that reads too slowly, with over 8 MiB unread: "close" (the default) closes it with
   * 1013 and `conn.too_slow`; "drop-events" drops events from 4 MiB on, and reports that.
   */
  readonly slowReaders?: "close" | "drop-events";
  /** Limits of the missed events that are kept for a disconnected client. */
  readonly resume?: Partial<ResumeLimits>;
  /**
   * Throws to refuse. Runs before an actor is woken or created. For a connection (`kind: "connect"`), it may return a
   * signal: when that is aborted, the connection is closed with `gateway.access_changed`, and the client that reconnects
   * is asked about again.
   */
  readonly access?: (info: AccessInfo) => AccessAnswer;
  /**
   * Decides who may manage and inspect actors, and read metrics and API documents. Throws to refuse. Without it, and
   * without a token, only callers on this machine may.
   */
  readonly manage?: (info: ManageInfo) => Promise<void> | void;
  readonly inspector?: InspectorOptions;
  /**
   * Another application on the same port, with host names of its own. It gets its requests in place of the gateway, before
   * any check.
   */
  readonly otherSite?: {
    owns(host: string | undefined): boolean;
    request(request: IncomingMessage, response: ServerResponse): void;
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  };
  /** Serves other paths than actors and /health, after the Host and Origin checks. */
  readonly fallback?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Handles other WebSocket upgrades than those of actors, after the Host and Origin checks. */
  readonly fallbackUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /**
   * Serves what this program sends itself from other nodes, over connections of `DirectoryCluster.connect`: nothing
   * checks it.
   */
  readonly nodeFallback?: (request: IncomingMessage, response: ServerResponse) => void;
  /** As `nodeFallback`, for upgrades. */
  readonly nodeFallbackUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Maximum size of an action's arguments or a message, encoded: 64 KiB by default. */
  readonly maxIncomingMessageBytes?: number;
  /** Maximum size of a request for `onRequest`: 64 MiB by default. */
  readonly maxRequestBodyBytes?: number;
  /** True for calls of actors and of the program: no hook checks them. Set by the registry. */
  readonly isInternal?: boolean;
  /** The body of `GET /metrics`, in the text format of Prometheus, instead of the server's own. */
  readonly metrics?: () => string | Promise<string>;
  /** Completes the OpenAPI document before it is served: with routes of `fallback`, for example. */
  readonly openApi?: (
    document: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  /** The body of `GET /metadata`. */
  readonly metadata?: () => unknown;
  /** Maximum size of a result or an event, encoded: 1 MiB by default. */
  readonly maxOutgoingMessageBytes?: number;
}
