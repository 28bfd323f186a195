import type { ActorTarget } from "@holdfast/client";
import { decodeKey, HoldfastError } from "@holdfast/core";

/** What a path below /actors/ asks for. */
export type Route =
  | { readonly kind: "actor"; readonly target: ActorTarget }
  | { readonly kind: "action"; readonly target: ActorTarget; readonly action: string }
  | { readonly kind: "call"; readonly target: ActorTarget; readonly idempotencyKey: string }
  | { readonly kind: "connect"; readonly target: ActorTarget };

export const actorsPrefix = "/actors/";

/**
 * Reads `/actors/{name}/{actor}[/actions/{action} | /calls/{key} | /connect][?create=true]`, where
 * `{actor}` is `@` and the canonical text of a key, or an id.
 * Throws `gateway.not_found`, `gateway.malformed_path`, `actor.invalid_key`, `actor.key_too_long`.
 */
export function parseRoute(url: string): Route {
  let route = known.get(url);
  if (route === undefined) {
    route = readRoute(url);
    if (url.length <= maxKnownLength) {
      if (known.size >= maxKnown) known.clear();
      known.set(url, route);
    }
  }
  return route;
}

/** Routes that were read before: one actor is often called many times. Bounded in number and length. */
const known = new Map<string, Route>();
const maxKnown = 4_096;
const maxKnownLength = 512;

function readRoute(url: string): Route {
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const creates = mark !== -1 && readCreate(url.slice(mark + 1));
  const [, , rawName = "", actor = "", kind, argument, ...rest] = path.split("/");
  if (rest.length > 0 || rawName === "" || actor === "") throw routeNotFound();
  const target = readTarget(decodePart(rawName), actor, creates);
  if (kind === undefined) return { kind: "actor", target };
  if (kind === "connect" && argument === undefined) return { kind: "connect", target };
  if (argument === undefined || argument === "") throw routeNotFound();
  if (kind === "actions") return { kind: "action", target, action: decodePart(argument) };
  if (kind === "calls") return { kind: "call", target, idempotencyKey: decodePart(argument) };
  throw routeNotFound();
}

function readTarget(name: string, actor: string, creates: boolean): ActorTarget {
  if (actor.startsWith("@")) {
    return { type: creates ? "getOrCreate" : "get", name, key: decodeKey(actor.slice(1)) };
  }
  if (creates) throw malformedPath("An actor is created by its key, not by an id");
  return { type: "id", name, id: decodePart(actor) };
}

function readCreate(query: string): boolean {
  if (query === "create=true") return true;
  for (const [name, value] of new URLSearchParams(query)) {
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
