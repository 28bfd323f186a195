import { encodeKey, HoldfastError, normalizeKey, qualifiedName } from "@holdfast/core";
import { rivetPath, routeNotFound } from "../route.ts";

/** The operation that a path of this wire stands for, and its path on ours, below the actor. */
export interface RivetRoute {
  readonly kind: "action" | "queue" | "connect" | "request" | "websocket" | "reload" | "inspector";
  readonly path: string;
}

/** The actor of a request: by its id alone, or by name and key, in which case the client may want it created. */
export type RivetTarget =
  | { readonly type: "id"; readonly id: string }
  | {
      readonly type: "key";
      readonly name: string;
      readonly key: readonly string[];
      readonly creates: boolean;
      /** Base64url of the encoded input of a new actor. */
      readonly input?: string;
      readonly region?: string;
      readonly pool?: string;
    };

/** An address of this wire. */
export interface RivetAddress {
  readonly target: RivetTarget;
  readonly route: RivetRoute;
  readonly token: string | undefined;
  readonly skipReadyWait: boolean;
}

/** True for a path below the mount path that {@link parseGatewayPath} reads. */
export function isGatewayPath(url: string): boolean {
  return url.startsWith("/gateway/") && url.search(rivetPath) === 0;
}

const gatewayPath = /^\/gateway\/([^/?]+)(\/[^?]*)?(?:\?(.*))?$/s;
const known = [
  "rvt-namespace",
  "rvt-method",
  "rvt-key",
  "rvt-runner",
  "rvt-pool",
  "rvt-input",
  "rvt-region",
  "rvt-crash-policy",
  "rvt-token",
  "rvt-skip-ready-wait",
];

/**
 * Parses `/gateway/{id}[@{token}]/{path}`, and `/gateway/{name}/{path}?rvt-method=get|getOrCreate&rvt-key=a,b&...`.
 * All `rvt-*` parameters are removed; the others belong to the actor. Throws `gateway.not_found`,
 * `gateway.malformed_path`, and errors of keys.
 */
export function parseGatewayPath(url: string): RivetAddress {
  const match = gatewayPath.exec(url);
  if (match === null) throw routeNotFound();
  const [, segment = "", path = "", query = ""] = match;
  const { own, rest } = splitQuery(query);
  const route = routeOf(path, rest);
  const skipReadyWait = own.get("rvt-skip-ready-wait") === "true";
  const method = own.get("rvt-method");
  if (method === undefined) {
    const [id = "", token, ...more] = segment.split("@").map(decodePart);
    if (more.length > 0) throw malformed("it has more than one @");
    return { target: { type: "id", id }, route, token: token ?? own.get("rvt-token"), skipReadyWait };
  }
  if (segment.includes("@"))
    throw malformed("a token belongs into rvt-token where the actor is named by a key");
  const name = qualifiedName(own.get("rvt-namespace") ?? "default", decodePart(segment));
  const target = { type: "key", name, key: keyOf(own.get("rvt-key")) } as const;
  const token = own.get("rvt-token");
  if (method === "get") return { target: { ...target, creates: false }, route, token, skipReadyWait };
  if (method !== "getOrCreate") throw malformed(`rvt-method is "get" or "getOrCreate", not "${method}"`);
  const input = own.get("rvt-input");
  const region = own.get("rvt-region");
  const pool = placedPool(own.get("rvt-pool") ?? own.get("rvt-runner"));
  return {
    target: {
      ...{ ...target, creates: true },
      ...(input === undefined ? {} : { input }),
      ...(region === undefined ? {} : { region }),
      ...(pool === undefined ? {} : { pool }),
    },
    route,
    token,
    skipReadyWait,
  };
}

const directPath = /\/(?:request|websocket)(?=[/?]|$)|\/(?:inspector\/)?connect(?=\?|$)/;

/**
 * The address of a request that names its actor in a header; undefined for a path that no actor has. Whatever precedes
 * the path of the actor is the mount path.
 */
export function parseDirectPath(
  url: string,
  id: string,
  token: string | undefined,
): RivetAddress | undefined {
  const at = url.search(directPath);
  if (at === -1) return undefined;
  const [path = "", ...query] = url.slice(at).split("?");
  const route = routeOf(path, query.join("?"));
  return { target: { type: "id", id }, route, token, skipReadyWait: false };
}

/** Every client names a pool, and this is its default. */
export function placedPool(pool: string | undefined): string | undefined {
  return pool === "default" ? undefined : pool;
}

/** The path of an address below `/actors/`; `name` is the stored name of an actor that is named by its id. */
export function ownPath({ target, route }: RivetAddress, name: string): string {
  return `${actorPath(target, name)}${route.path}`;
}

export function actorPath(target: RivetTarget, name: string): string {
  const actor =
    target.type === "id"
      ? encodeURIComponent(target.id)
      : `${target.creates ? "~" : "@"}${encodeKey(target.key)}`;
  return `/actors/${encodeURIComponent(name)}/${actor}`;
}

function routeOf(path: string, query: string): RivetRoute {
  const [, first = "", ...rest] = path.split("/");
  const tail = rest.join("/");
  const suffix = query === "" ? "" : `?${query}`;
  switch (first) {
    case "action":
    case "queue":
      if (tail === "" || tail.includes("/")) throw routeNotFound();
      return { kind: first, path: `/${first}s/${tail}` };
    case "request":
    case "websocket":
      return { kind: first, path: `${path}${suffix}` };
    case "connect":
      if (tail !== "") throw routeNotFound();
      return { kind: first, path };
    case "dynamic":
      if (tail !== "reload") throw routeNotFound();
      return { kind: "reload", path: "/reload" };
    case "inspector":
      return { kind: first, path: `${path}${suffix}` };
    default:
      throw routeNotFound();
  }
}

function splitQuery(query: string): { readonly own: ReadonlyMap<string, string>; readonly rest: string } {
  const own = new Map<string, string>();
  const rest: string[] = [];
  for (const part of query.split("&")) {
    if (!part.startsWith("rvt-")) {
      rest.push(part);
      continue;
    }
    const [name = "", ...value] = part.split("=");
    if (!known.includes(name)) throw malformed(`the parameter ${name} is unknown`);
    if (own.has(name)) throw malformed(`the parameter ${name} appears twice`);
    own.set(name, decodePart(value.join("=").replaceAll("+", " ")));
  }
  return { own, rest: rest.join("&") };
}

/** Clients join the components with commas and escape none: one with a comma arrives as two. */
function keyOf(text: string | undefined): readonly string[] {
  return normalizeKey(text === undefined ? [] : text.split(","));
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw malformed("it is not percent-encoded UTF-8");
  }
}

function malformed(why: string): HoldfastError {
  const message = `The address of the actor is malformed: ${why}`;
  return new HoldfastError("gateway", "malformed_path", message, { statusCode: 400 });
}
