import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ActorKey } from "@holdfast/core";
import type { ResumeLimits } from "../limits.ts";
import type { InspectorOptions, ManageInfo } from "../management/access.ts";

/** What is about to happen, for the `access` hook; nothing has been woken, read or made yet. */
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
  /** The actor's key, or its id. */
  readonly key: ActorKey | undefined;
  readonly id: string | undefined;
  /** The action, for kind "action", or the queue, for kind "send"; also asked for each call over a connection. */
  readonly action: string | undefined;
  readonly method: string;
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
}

/** Who may reach actors over the network, and how. */
export interface GatewayOptions {
  /** Host names (without port) beside the loopback ones, such as "actors.example.com". */
  readonly hosts?: readonly string[];
  /**
   * Serves every Host: for a handler that a server of somebody else calls, which decides itself what names it
   * has. False unless set; a registry sets it for what it does not listen for, where `hosts` is not given.
   */
  readonly anyHost?: boolean;
  /**
   * Origins that may call from a browser, beside the server's own: "https://app.example.com". With "*" any
   * may, and none but the listed ones sends cookies: not for a registry that trusts a cookie.
   */
  readonly origins?: readonly string[];
  /**
   * Also lets pages of loopback origins call ("http://localhost:5173"), whatever their port: right for a
   * registry under development, not for one that trusts a cookie. False unless set.
   */
  readonly loopbackOrigins?: boolean;
  /** Lets pages of listed origins send cookies and read the answers. False unless set. */
  readonly credentials?: boolean;
  /**
   * Where the gateway is mounted: "/api/holdfast". With "anywhere" whatever stands before `/actors/` is
   * taken for it, for a handler that a server of the user's own calls. "" unless given; the first of
   * several that fits.
   */
  readonly basePath?: string | readonly string[];
  /**
   * What happens to a WebSocket that reads too slowly, with over 8 MiB unread: "close" (the default)
   * ends it with 1013 and `conn.too_slow`; "drop-events" leaves events out from 4 MiB on, and tells.
   */
  readonly slowReaders?: "close" | "drop-events";
  /** How long and how much of what a client missed is kept for it. */
  readonly resume?: Partial<ResumeLimits>;
  /** Throws to refuse. Runs before an actor is woken or made. */
  readonly access?: (info: AccessInfo) => Promise<void> | void;
  /**
   * Who may manage and inspect actors, read metrics and the documents of the API. Throws to refuse.
   * Without it, and without a token, only callers from this machine may.
   */
  readonly manage?: (info: ManageInfo) => Promise<void> | void;
  readonly inspector?: InspectorOptions;
  /** Serves what is neither an actor nor /health, after the Host and Origin checks. */
  readonly fallback?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Takes WebSocket upgrades that are not an actor's, after the Host and Origin checks. */
  readonly fallbackUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Of an action's arguments or a message, encoded: 64 KiB unless given. */
  readonly maxIncomingMessageBytes?: number;
  /** Of a request for `onRequest`: 64 MiB unless given. */
  readonly maxRequestBodyBytes?: number;
  /** What `GET /metrics` answers, in the text format of Prometheus, in place of the server's own. */
  readonly metrics?: () => string | Promise<string>;
  /** What `GET /metadata` answers. */
  readonly metadata?: () => unknown;
  /** Of a result or an event, encoded: 1 MiB unless given. */
  readonly maxOutgoingMessageBytes?: number;
}
