import type { ActorTarget } from "@holdfast/client";
import { decodeKey, HoldfastError } from "@holdfast/core";
import { placeText } from "../cluster/place.ts";
import { collectionPath, type ManagementRoute, readManagement } from "../management/routes.ts";

/** The operation that a path below /actors/ stands for. */
export type Route =
  | { readonly kind: "actor"; readonly target: ActorTarget }
  | { readonly kind: "action"; readonly target: ActorTarget; readonly action: string }
  | { readonly kind: "queue"; readonly target: ActorTarget; readonly queue: string }
  | { readonly kind: "call"; readonly target: ActorTarget; readonly idempotencyKey: string }
  | { readonly kind: "connect"; readonly target: ActorTarget }
  | { readonly kind: "events"; readonly target: ActorTarget; readonly events: readonly string[] }
  | { readonly kind: "reload"; readonly target: ActorTarget }
  | ManagementRoute
  | RawRoute;

/** Everything after `/request` or `/websocket` belongs to the actor: `path` with its query, as received. */
export interface RawRoute {
  readonly kind: "request" | "websocket";
  readonly target: ActorTarget;
  readonly path: string;
}

export const actorsPrefix = "/actors/";

/**
 * Parses the path of a request for an actor: `/actors/{name}/{actor}`, then nothing or one of
 *
 * - `/actions/{action}`, `/queues/{queue}`, `/calls/{key}`, `/connect`, `/events`, `/reload`, optionally with
 *   `?create=true`;
 * - `/{request|websocket}[/{path}][?{query}]`.
 *
 * `{actor}` is `@` and the canonical text of a key, `~` and that text (the actor is created if it does not exist), or
 * an id. Throws `gateway.not_found`, `gateway.malformed_path`, `actor.invalid_key`, `actor.key_too_long`.
 */
export function parseRoute(url: string): Route {
  let route = routeCache.get(url);
  if (route === undefined) {
    const raw = readRaw(url);
    if (raw !== undefined) return raw;
    route = readRoute(url);
    if (url.length <= maxCachedLength) {
      if (routeCache.size >= maxCachedRoutes) routeCache.clear();
      routeCache.set(url, route);
    }
  }
  return route;
}

/** Cache of parsed routes: one actor is often called many times. Bounded in number and length. */
const routeCache = new Map<string, Route>();
const maxCachedRoutes = 4_096;
const maxCachedLength = 512;

/**
 * The path below the mount path of the gateway; undefined if it is not below it. Of several mount paths, the first
 * match counts. With "anywhere", everything before the gateway's own part is ignored.
 */
export function localPath(url: string, mount: string | readonly string[] | undefined): string | undefined {
  if (mount === undefined || mount === "" || mount === "/") return url;
  if (mount === "anywhere") return partOfAnywhere(url);
  if (typeof mount === "string") return belowMount(url, mount);
  for (const each of mount) {
    const path = localPath(url, each);
    if (path !== undefined) return path;
  }
  return undefined;
}

function belowMount(url: string, mount: string): string | undefined {
  const base = mount.endsWith("/") ? mount.slice(0, -1) : mount;
  if (!url.startsWith(base)) return undefined;
  const rest = url.slice(base.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : undefined;
}

/** A path of clients of `rivetkit`, which has the mount path in front of it, too. */
export const rivetPath =
  /\/gateway\/[^/?]+\/(?:action|queue|request|connect|websocket|dynamic|inspector)(?=[/?]|$)/;

/** Only an actor is addressed by its key or its UUID: whatever precedes that is the mount path. */
const namedActor = /\/actors\/[^/]+\/(?:[@~]|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/;
const onePart = /^\/actors\/[^/]+$/;

function partOfAnywhere(url: string): string {
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const named = path.search(namedActor);
  const rivet = path.search(rivetPath);
  if (rivet !== -1 && (named === -1 || rivet < named)) return url.slice(rivet);
  if (named !== -1) return url.slice(named);
  let at = path.indexOf(actorsPrefix);
  // A mount path may be `/actors` itself.
  while (at !== -1 && path.startsWith(actorsPrefix, at + "/actors".length)) at += "/actors".length;
  const part = at === -1 ? "" : path.slice(at);
  if (part !== "" && (!onePart.test(part) || collectionPath.test(part))) return url.slice(at);
  const last = path.slice(Math.max(0, path.lastIndexOf("/")));
  // The only route with a query.
  return last === "/actors" && mark !== -1 ? last + url.slice(mark) : last;
}

const rawPath = /^\/actors\/([^/?]+)\/([^/?]+)\/(request|websocket)(?=[/?]|$)/;

/** Paths of user code are not cached: their number is unlimited. */
function readRaw(url: string): RawRoute | undefined {
  const match = rawPath.exec(url);
  if (match === null) return undefined;
  const [head, name = "", actor = "", kind] = match;
  const rest = url.slice(head.length);
  return {
    kind: kind === "websocket" ? "websocket" : "request",
    target: readTarget(decodePart(name), actor, false),
    path: rest.startsWith("/") ? rest : `/${rest}`,
  };
}

/** True for the path of a raw WebSocket. */
export function isRawSocket(url: string): boolean {
  return rawPath.exec(url)?.[3] === "websocket";
}

function readRoute(url: string): Route {
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? "" : url.slice(mark + 1);
  const managed = readManagement(path, query, (name, actor) => readTarget(decodePart(name), actor, false));
  if (managed !== undefined) return managed;
  const events = path.endsWith("/events") ? new URLSearchParams(query).getAll("event") : undefined;
  const [, , rawName = "", actor = "", kind, argument, ...rest] = path.split("/");
  if (rest.length > 0 || rawName === "" || actor === "") throw routeNotFound();
  if (kind === undefined) return { kind: "actor", target: readPlaced(decodePart(rawName), actor, query) };
  const creates = query !== "" && readCreate(query, events !== undefined);
  const target = readTarget(decodePart(rawName), actor, creates);
  if (kind === "connect" && argument === undefined) return { kind: "connect", target };
  if (kind === "events" && argument === undefined) return { kind, target, events: events ?? [] };
  if (kind === "reload" && argument === undefined) return { kind: "reload", target };
  if (argument === undefined || argument === "") throw routeNotFound();
  if (kind === "actions") return { kind: "action", target, action: decodePart(argument) };
  if (kind === "queues") return { kind: "queue", target, queue: decodePart(argument) };
  if (kind === "calls") return { kind: "call", target, idempotencyKey: decodePart(argument) };
  throw routeNotFound();
}

function readTarget(name: string, given: string, creates: boolean): ActorTarget {
  // Clients that are generated from the OpenAPI document encode the whole part, its marker too. An encoded "~" is part
  // of an id: nothing is created that was not asked for.
  const actor = given.startsWith("%40") ? decodePart(given) : given;
  if (actor.startsWith("~")) return { type: "getOrCreate", name, key: decodeKey(actor.slice(1)) };
  if (actor.startsWith("@")) {
    return { type: creates ? "getOrCreate" : "get", name, key: decodeKey(actor.slice(1)) };
  }
  if (creates) throw malformedPath("An actor is created by its key, not by an id");
  return { type: "id", name, id: decodePart(actor) };
}

/** The target of a request for the actor itself, whose query may say where a new one runs. */
function readPlaced(name: string, actor: string, query: string): ActorTarget {
  const fields = new URLSearchParams(query);
  const [region, pool] = [fields.get("region") ?? undefined, fields.get("pool") ?? undefined];
  fields.delete("region");
  fields.delete("pool");
  const target = readTarget(name, actor, fields.size > 0 && readCreate(fields.toString(), false));
  const place = placeText({ region, pool });
  if (place === undefined) return target;
  if (target.type === "id") throw malformedPath("An actor is placed when it is created, by its key");
  return { ...target, place };
}

function readCreate(query: string, takesEvents: boolean): boolean {
  if (query === "create=true") return true;
  for (const [name, value] of new URLSearchParams(query)) {
    if (takesEvents && name === "event") continue;
    if (name !== "create" || (value !== "true" && value !== "false")) {
      throw malformedPath("The only parameter of the query is create=true");
    }
    if (value === "true") return true;
  }
  return false;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw malformedPath("The path is not percent-encoded UTF-8");
  }
}

function malformedPath(message: string): HoldfastError {
  return new HoldfastError("gateway", "malformed_path", message, { statusCode: 400 });
}

export function routeNotFound(): HoldfastError {
  return new HoldfastError("gateway", "not_found", "There is nothing at this path");
}
