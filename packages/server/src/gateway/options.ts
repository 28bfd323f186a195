import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ActorKey } from "@holdfast/core";

/** What is about to happen, for the `access` hook; nothing has been woken, read or made yet. */
export interface AccessInfo {
  readonly kind: "action" | "connect" | "resolve" | "create" | "cancel";
  readonly actor: string;
  /** The actor's key, or its id. */
  readonly key: ActorKey | undefined;
  readonly id: string | undefined;
  /** The action, for kind "action"; also asked for each call over a connection. */
  readonly action: string | undefined;
  readonly method: string;
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
}

export interface GatewayOptions {
  /** Host names (without port) beside the loopback ones, such as "actors.example.com". */
  readonly hosts?: readonly string[];
  /** Origins that may call from a browser, beside the server's own: "https://app.example.com". */
  readonly origins?: readonly string[];
  /** Throws to refuse. Runs before an actor is woken or made. */
  readonly access?: (info: AccessInfo) => Promise<void> | void;
  /** Serves what is neither an actor nor /health, after the Host and Origin checks. */
  readonly fallback?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Takes WebSocket upgrades that are not an actor's, after the Host and Origin checks. */
  readonly fallbackUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Of an action's arguments or a message, encoded: 64 KiB unless given. */
  readonly maxIncomingMessageBytes?: number;
  /** Of a result or an event, encoded: 1 MiB unless given. */
  readonly maxOutgoingMessageBytes?: number;
}
