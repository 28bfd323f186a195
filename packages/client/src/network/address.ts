import { encodeKey, HoldfastError } from "@holdfast/core";
import type { ActorTarget } from "../driver.ts";

/**
 * The path of an actor: `/actors/{name}/{actor}`. `makes` names one that is to be made by its first
 * request with `~`; without, it is named as one that exists.
 * Throws `actor.not_found` for a name or id that cannot be one.
 */
export function actorPath(target: ActorTarget, makes = false): string {
  const marker = makes && target.type === "getOrCreate" ? "~" : "@";
  const actor = target.type === "id" ? segment(target.id) : `${marker}${encodeKey(target.key)}`;
  return `/actors/${segment(target.name)}/${actor}`;
}

/**
 * Any text as one segment of a path that stays where it is: `.` and `..` would be resolved, and what
 * begins with `~` or `@` would be read as a key.
 */
function segment(text: string): string {
  if (text === "" || text === "." || text === "..") {
    throw new HoldfastError("actor", "not_found", `"${text}" is no name or id of an actor`);
  }
  return encodeURIComponent(text).replaceAll("~", "%7E");
}

/**
 * Path and query of what a request for an actor is to be sent to: of a path, of a path with a query, or
 * of a whole URL, whose origin does not matter. Dot segments end at the root of the actor.
 * Throws `client.invalid_url`.
 */
export function rawPath(input: string | URL): string {
  const text = typeof input === "string" ? input : input.href;
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  // Joined as text: resolved against a base, `//host/` would be another host.
  const joined = whole ? text : `http://actor${text.startsWith("/") ? "" : "/"}${text}`;
  try {
    const url = new URL(joined);
    return url.pathname + url.search;
  } catch (cause) {
    throw new HoldfastError("client", "invalid_url", `"${text}" is not a path or a URL`, { cause });
  }
}
