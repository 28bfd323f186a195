import { encodeKey, HoldfastError } from "@holdfast/core";
import type { ActorTarget } from "../driver.ts";

/**
 * Path of an actor: `/actors/{name}/{actor}`. The marker `~` lets the first request create the actor; `@` addresses an
 * existing one. Throws `actor.not_found` for an impossible name or id.
 */
export function actorPath(target: ActorTarget, creates = false): string {
  const marker = creates && target.type === "getOrCreate" ? "~" : "@";
  const actor = target.type === "id" ? segment(target.id) : `${marker}${encodeKey(target.key)}`;
  return `/actors/${segment(target.name)}/${actor}`;
}

/**
 * Encodes text as one path segment. Escapes `.` and `..`, which URLs resolve, and a leading `~` or `@`, which mark a
 * key.
 */
function segment(text: string): string {
  if (text === "" || text === "." || text === "..") {
    throw new HoldfastError("actor", "not_found", `"${text}" cannot be the name or id of an actor`);
  }
  return encodeURIComponent(text).replaceAll("~", "%7E");
}

/**
 * Path and query of a raw request: of a path, a path with a query, or a complete URL, whose origin is ignored. Dot
 * segments cannot leave the root of the actor. Throws `client.invalid_url`.
 */
export function rawPath(input: string | URL): string {
  const text = typeof input === "string" ? input : input.href;
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  // Joined as text: resolving `//host/` against a base would change the host.
  const joined = url ? text : `http://actor${text.startsWith("/") ? "" : "/"}${text}`;
  try {
    const url = new URL(joined);
    return url.pathname + url.search;
  } catch (cause) {
    throw new HoldfastError("client", "invalid_url", `"${text}" is not a path or a URL`, { cause });
  }
}
