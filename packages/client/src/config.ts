import { HoldfastError } from "@holdfast/core";
import type { SocketConstructor } from "./internal/socket.ts";
import type { Encoding } from "./network/wire.ts";

/** What `createClient` takes, where it is more than a URL. */
export interface ClientConfig {
  /**
   * Base URL of the server: "http://127.0.0.1:6420" by default, or HOLDFAST_ENDPOINT. May have a path.
   * `https://namespace:token@host` is taken apart: what it names never travels in a URL.
   */
  readonly endpoint?: string | undefined;
  /** Shown to the server as the header `x-holdfast-token`: HOLDFAST_TOKEN unless given. */
  readonly token?: string | undefined;
  /** Accepted for programs that name one: a server has one namespace. */
  readonly namespace?: string | undefined;
  /** Accepted for programs that name one: a server has one pool. */
  readonly poolName?: string | undefined;
  /** "cbor" by default. "bare" is accepted for programs that ask for it, and served with CBOR. */
  readonly encoding?: Encoding | "bare" | undefined;
  /** Sent with every HTTP request (a browser's WebSocket cannot carry them). */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of every raw request and WebSocket of this client, unless it says otherwise itself. */
  readonly gateway?: { readonly skipReadyWait?: boolean | undefined } | undefined;
  /** True: a server that does not take a connection is not asked which one does. */
  readonly disableMetadataLookup?: boolean | undefined;
  /** Accepted and without effect: input travels in a body, of at most 4 MiB. */
  readonly maxInputSize?: number | undefined;
  /** Accepted and without effect: the inspector is part of the server. */
  readonly devtools?: boolean | undefined;
  /** Accepted and without effect: pass `WebSocket` instead. */
  readonly getUpgradeWebSocket?: unknown;
  /** What the server takes, where it was changed there: 65,536 bytes unless given. */
  readonly maxMessageBytes?: number | undefined;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Instead of the global `WebSocket`. */
  readonly WebSocket?: SocketConstructor | undefined;
}

const encodings: ReadonlySet<unknown> = new Set([undefined, "cbor", "json", "bare"]);

/** What `createClient` was given; programs are not always typed. Throws `client.invalid_config`. */
export function readConfig(config: unknown): ClientConfig {
  if (config === undefined) return {};
  if (typeof config === "string") return { endpoint: config };
  if (!isConfig(config)) throw invalidConfig("it is neither a URL nor an object");
  const { endpoint, encoding } = config;
  if (endpoint !== undefined && typeof endpoint !== "string")
    throw invalidConfig("`endpoint` is not a string");
  if (!encodings.has(encoding)) throw invalidConfig('`encoding` is none of "cbor", "json" and "bare"');
  return config;
}

/** Of its members only those are checked that would be taken for something else. */
function isConfig(value: unknown): value is ClientConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalidConfig(why: string): HoldfastError {
  const message = `The configuration of the client cannot be used: ${why}`;
  return new HoldfastError("client", "invalid_config", message);
}

/** Where a client sends its requests, and what it shows there. */
export interface Endpoint {
  /** Without credentials, query and trailing slash. */
  readonly base: string;
  readonly token: string | undefined;
  readonly namespace: string | undefined;
}

/** Throws `client.invalid_endpoint`. */
export function readEndpoint(config: ClientConfig): Endpoint {
  const endpoint = config.endpoint ?? variable("HOLDFAST_ENDPOINT") ?? "http://127.0.0.1:6420";
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw invalidEndpoint(`"${endpoint}" is not a URL`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw invalidEndpoint("it is not http or https");
  if (url.search !== "" || url.hash !== "") throw invalidEndpoint("it has a query or a fragment");
  if (url.password !== "" && config.token !== undefined) {
    throw invalidEndpoint("a token is given twice, in it and as `token`");
  }
  return {
    base: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    token: config.token ?? part(url.password) ?? variable("HOLDFAST_TOKEN"),
    namespace: config.namespace ?? part(url.username) ?? variable("HOLDFAST_NAMESPACE"),
  };
}

function part(encoded: string): string | undefined {
  if (encoded === "") return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw invalidEndpoint("its credentials are not percent-encoded UTF-8");
  }
}

function variable(name: string): string | undefined {
  const runtime = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } };
  const value = runtime.process?.env?.[name];
  return value === "" ? undefined : value;
}

function invalidEndpoint(why: string): HoldfastError {
  return new HoldfastError("client", "invalid_endpoint", `The endpoint cannot be used: ${why}`);
}
