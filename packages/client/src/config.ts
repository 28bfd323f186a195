import { HoldfastError, isNamespace } from "@holdfast/core";
import type { SocketConstructor } from "./internal/socket.ts";
import type { Encoding } from "./network/wire.ts";

/** Options of `createClient`. */
export interface ClientConfig {
  /**
   * Base URL of the server, which may have a path: "http://127.0.0.1:6420" by default, or HOLDFAST_ENDPOINT. In
   * `https://namespace:token@host` the credentials become `namespace` and `token`, and are never sent in a URL.
   */
  readonly endpoint?: string | undefined;
  /** Token sent in the header `x-holdfast-token`. Default: HOLDFAST_TOKEN. */
  readonly token?: string | undefined;
  /** The key space of the server whose actors this client reaches: "default" by default, or HOLDFAST_NAMESPACE. */
  readonly namespace?: string | undefined;
  /** Pool of a cluster in which the actors run that this client creates; everywhere by default, or "default". */
  readonly poolName?: string | undefined;
  /** Default: "cbor". "bare" is accepted for compatibility and sends CBOR. */
  readonly encoding?: Encoding | "bare" | undefined;
  /** Extra headers of every HTTP request. Browsers cannot send them with a WebSocket. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default for every raw request and WebSocket of this client. */
  readonly gateway?: { readonly skipReadyWait?: boolean | undefined } | undefined;
  /** True: when a server refuses a WebSocket, do not read its `/metadata` for another endpoint. */
  readonly disableMetadataLookup?: boolean | undefined;
  /** Accepted for compatibility, without effect: input travels in a body of at most 4 MiB. */
  readonly maxInputSize?: number | undefined;
  /** Accepted for compatibility, without effect: the inspector is part of the server. */
  readonly devtools?: boolean | undefined;
  /** Accepted for compatibility, without effect: pass `WebSocket` instead. */
  readonly getUpgradeWebSocket?: unknown;
  /** Must match the server's limit where that was changed. Default: 65,536 bytes. */
  readonly maxMessageBytes?: number | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Replaces the global `WebSocket`. */
  readonly WebSocket?: SocketConstructor | undefined;
}

const encodings: ReadonlySet<unknown> = new Set([undefined, "cbor", "json", "bare"]);

/** Validates the argument of `createClient`, since callers may be untyped. Throws `client.invalid_config`. */
export function readConfig(config: unknown): ClientConfig {
  if (config === undefined) return {};
  if (typeof config === "string") return { endpoint: config };
  if (!isConfig(config)) throw invalidConfig("it is neither a URL nor an object");
  const { endpoint, encoding } = config;
  if (endpoint !== undefined && typeof endpoint !== "string")
    throw invalidConfig("`endpoint` is not a string");
  if (!encodings.has(encoding)) throw invalidConfig('`encoding` must be "cbor", "json" or "bare"');
  return config;
}

/** Checks only the members whose wrong type would otherwise be misread silently. */
function isConfig(value: unknown): value is ClientConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalidConfig(why: string): HoldfastError {
  const message = `Invalid client configuration: ${why}`;
  return new HoldfastError("client", "invalid_config", message);
}

/** Address of the server, and the credentials for it. */
export interface Endpoint {
  /** URL without credentials, query and trailing slash. */
  readonly base: string;
  readonly token: string | undefined;
  readonly namespace: string | undefined;
}

/** Reads the endpoint from the options and the environment. Throws `client.invalid_endpoint`. */
export function readEndpoint(config: ClientConfig): Endpoint {
  const endpoint = config.endpoint ?? readEnvironment("HOLDFAST_ENDPOINT") ?? "http://127.0.0.1:6420";
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw invalidEndpoint(`"${endpoint}" is not a URL`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw invalidEndpoint("it is not http or https");
  if (url.search !== "" || url.hash !== "") throw invalidEndpoint("it has a query or a fragment");
  if (url.password !== "" && config.token !== undefined) {
    throw invalidEndpoint("it contains a token, and `token` is set as well");
  }
  const namespace = config.namespace ?? decodePart(url.username) ?? readEnvironment("HOLDFAST_NAMESPACE");
  if (namespace !== undefined && !isNamespace(namespace)) {
    throw invalidEndpoint("its namespace is not a name of up to 63 letters, digits, hyphens and underscores");
  }
  return {
    base: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    token: config.token ?? decodePart(url.password) ?? readEnvironment("HOLDFAST_TOKEN"),
    namespace,
  };
}

function decodePart(encoded: string): string | undefined {
  if (encoded === "") return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw invalidEndpoint("its credentials are not percent-encoded UTF-8");
  }
}

function readEnvironment(name: string): string | undefined {
  const runtime = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } };
  const value = runtime.process?.env?.[name];
  return value === "" ? undefined : value;
}

function invalidEndpoint(why: string): HoldfastError {
  return new HoldfastError("client", "invalid_endpoint", `Invalid endpoint: ${why}`);
}
